//! The trip of a command, one step a line.
//!
//! In: a [`Call`] of a client. Out: a job, or a [`Refused`]. What is allowed is `policy`'s matter, how it is confined
//! the sandbox's.
//!
//! INVARIANT: the record of a decision is on disk before anything starts.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument;

use super::Engine;
use super::call::{Call, Checked, Open, Refused, Stdin, Text};
use super::confirm::{self, Confirm, Nobody, Question};
use super::law::Law;
use super::{past, plan};
use crate::audit::{AskRecord, AuditError, DecisionRecord, Receipt};
use crate::jobs::{Admission, JobId, Label, Order, Started, Tap, Turned};
use crate::metrics::Metrics;
use crate::policy::{Answer, Approved, Decision, Denial};
use crate::rate::{self, About, Permit};

/// Bytes of a line above which it is judged aside. Lines of people and models are shorter, and judged in microseconds.
const LONG: usize = 2 << 10;

/// What stays the same from the first step to the last.
struct Trip<'a> {
    client: &'a str,
    id: JobId,
    /// Redacted, for replies and records.
    command: String,
    /// What else a person should see before saying yes, redacted.
    circumstances: String,
    /// The one policy of this trip.
    law: Arc<Law>,
}

impl Trip<'_> {
    /// What makes a command the same as an earlier one of the same client.
    fn same<'c>(&self, call: &'c Call) -> impl Hash + use<'c> {
        let words = match &call.command {
            Text::Line(line) => (Some(line), None),
            Text::Exact(words) => (None, Some(words)),
        };
        (self.client.to_owned(), words, &call.cwd, &call.env, &call.stdin.text)
    }

    /// Counts a refusal of the policy.
    fn refused(&self, call: &Call, why: &Refused) {
        if matches!(why, Refused::Denied { .. } | Refused::NeedsConfirmation { .. }) {
            self.law.refusals.count(self.same(call), Instant::now());
        }
    }
}

impl Engine {
    /// Judges a command and, when the policy allows it, starts it as a job. A question of the policy is a refusal.
    ///
    /// # Errors
    /// [`Refused`]; nothing was started.
    pub async fn execute(&self, client: &str, call: Call) -> Result<JobId, Refused> {
        let job = self.execute_for(client, call, &Nobody, None).await?;
        Ok(job.keep().id())
    }

    /// The same with somebody to ask, and perhaps a live copy of the output. The job ends with what is returned, unless that
    /// is kept.
    ///
    /// # Errors
    /// [`Refused`]; nothing was started.
    pub async fn execute_for(
        &self,
        client: &str,
        call: Call,
        person: &impl Confirm,
        tap: Option<Tap>,
    ) -> Result<Started, Refused> {
        let trip = self.set_out(client, &call);
        let span = tracing::debug_span!("trip", job = %trip.id, client);
        self.travel(trip, call, person, tap).instrument(span).await
    }

    async fn travel(
        &self,
        trip: Trip<'_>,
        mut call: Call,
        person: &impl Confirm,
        tap: Option<Tap>,
    ) -> Result<Started, Refused> {
        let mut places = vec![self.within_rate(&trip, &call).await?];
        let begun = Instant::now();
        let decision = self.decide(&trip.law, &call).await;
        let took = begun.elapsed();
        self.count(|numbers| numbers.deciding(took));
        tracing::debug!(took = ?begun.elapsed(), "decided");
        places.push(self.within_rate_of_rules(&trip, &decision).await?);
        let approved = self.settle(&trip, decision, person).await.inspect_err(|why| trip.refused(&call, why))?;
        self.input_is_judged(&trip, &approved, &call).await?;
        let admission = self.admit()?;
        let tmp = self.tmp.for_job().map_err(|error| Refused::Sandbox(error.to_string()))?;
        let spec = plan::sandbox(&approved, &call, tmp.path(), &self.ground)?;
        let receipt = self.record_allowed(&trip, &approved, &call, self.ground.unheld(&spec)).await?;
        tracing::debug!("recorded");
        let mut terms = plan::terms(&approved, &mut call, tmp, tap);
        terms.watched = self.ground.watched(&spec);
        terms.spill = plan::spill(trip.law.policy().settings());
        terms.redactor = Some(Arc::clone(&trip.law.judge.redactor));
        Ok(self.start(trip, admission, Order::new(approved, receipt, spec, terms), (call.label, places)))
    }

    /// Judges a command as [`Engine::execute`] would; nothing runs, nothing is recorded.
    pub async fn check(&self, _client: &str, call: Call) -> Checked {
        let law = self.law.now();
        if !is_long(&call) {
            return law.judge.check(&call, &serde_json::Value::Null);
        }
        self.aside.compute(move || law.judge.check(&call, &serde_json::Value::Null)).await
    }

    /// Judges on the spot, unless that may take long.
    async fn decide(&self, law: &Arc<Law>, call: &Call) -> Decision {
        if !is_long(call) {
            return law.judge.decide(call);
        }
        // What it reads from standard input is not judged here, and need not be copied.
        let stdin = Stdin::default();
        let Call { command, cwd, env, timeout, .. } = call;
        let (command, cwd, env, timeout) = (command.clone(), cwd.clone(), env.clone(), *timeout);
        let (law, call) = (Arc::clone(law), Call { command, cwd, env, timeout, stdin, ..Call::default() });
        self.aside.compute(move || law.judge.decide(&call)).await
    }

    fn set_out<'a>(&self, client: &'a str, call: &Call) -> Trip<'a> {
        let id = call.id.unwrap_or_else(JobId::random);
        let law = self.law.now();
        let command = law.judge.clean(&call.command.display());
        let circumstances = law.judge.clean(&confirm::circumstances(call));
        Trip { client, id, command, circumstances, law }
    }

    /// What is asked too often is not judged. The permit lasts as long as the job.
    async fn within_rate(&self, trip: &Trip<'_>, call: &Call) -> Result<Permit, Refused> {
        if let Some(retry_after) = trip.law.refusals.wait(trip.same(call), Instant::now()) {
            let why = "the same command was refused again and again".to_owned();
            let refused = rate::Refused { id: "refused-again".into(), why, retry_after };
            return Err(self.too_often(trip, refused).await);
        }
        match trip.law.limiter.admit(trip.client, About::Command, Instant::now()) {
            Ok(permit) => Ok(permit),
            Err(refused) => Err(self.too_often(trip, refused).await),
        }
    }

    /// The same for the rules that decided, whatever they say.
    async fn within_rate_of_rules(&self, trip: &Trip<'_>, decision: &Decision) -> Result<Permit, Refused> {
        let explanation = match decision {
            Decision::Allow(approved) => approved.explanation(),
            Decision::Ask(pending) => pending.explanation(),
            Decision::Deny(denial) => denial.explanation(),
        };
        let rules = explanation.commands.iter().filter_map(|command| command.rule.as_ref());
        let rules: Vec<String> = rules.map(|rule| rule.id.to_string()).collect();
        match trip.law.limiter.admit(trip.client, About::Rules(&rules), Instant::now()) {
            Ok(permit) => Ok(permit),
            Err(refused) => Err(self.too_often(trip, refused).await),
        }
    }

    /// A call of a tool is within the limits on that tool; the permit lasts as long as the call.
    ///
    /// # Errors
    /// [`Refused`]; the call must not be answered otherwise.
    pub async fn tool_called(&self, client: &str, tool: &str) -> Result<Permit, Refused> {
        // While this client works, floods of others leave it a place for its jobs, and the processors some time.
        self.jobs.hear();
        let law = self.law.now();
        match law.limiter.admit(client, About::Tool(tool), Instant::now()) {
            Ok(permit) => Ok(permit),
            Err(refused) => {
                let command = format!("(a call of `{tool}`)");
                let trip = Trip { client, id: JobId::random(), command, circumstances: String::new(), law };
                Err(self.too_often(&trip, refused).await)
            }
        }
    }

    async fn too_often(&self, trip: &Trip<'_>, refused: rate::Refused) -> Refused {
        let recorded = self.record_refused(trip, "rate_limited", vec![refused.id.clone()], refused.why.clone()).await;
        let rate::Refused { id, why, retry_after } = refused;
        recorded.err().unwrap_or(Refused::RateLimited { id, why, retry_after })
    }

    /// Turns a decision into an approval, by asking where the policy says so; records every other end.
    async fn settle(&self, trip: &Trip<'_>, decision: Decision, person: &impl Confirm) -> Result<Approved, Refused> {
        let (denial, asked) = match decision {
            Decision::Allow(approved) => return Ok(approved),
            Decision::Deny(denial) => (denial, false),
            Decision::Ask(pending) => {
                let reason = format!("{}{}", trip.law.judge.clean(pending.reason()), trip.circumstances);
                let question = Question { command: trip.command.clone(), reason };
                let rules: Vec<_> = pending.rule().map(|rule| rule.id.clone()).into_iter().collect();
                self.record_question(trip, &question, &rules, None).await?;
                let (answer, said) = match person.confirm(&question).await {
                    Some(true) => (Answer::Yes, "yes"),
                    Some(false) => (Answer::No, "no"),
                    None => (Answer::No, "nobody"),
                };
                self.record_question(trip, &question, &rules, Some(said)).await?;
                match pending.confirm(answer) {
                    Ok(approved) => return Ok(approved),
                    Err(denial) => (*denial, true),
                }
            }
        };
        self.record_denied(trip, &denial, asked).await?;
        let for_model = trip.law.judge.clean(&denial.for_model());
        let for_operator = trip.law.judge.clean(&denial.for_operator());
        Err(match asked {
            true => Refused::NeedsConfirmation { for_model, for_operator },
            false => Refused::Denied { for_model, for_operator },
        })
    }

    /// Input that a program would run as code is refused where the policy does not allow any code of that program.
    async fn input_is_judged(&self, trip: &Trip<'_>, approved: &Approved, call: &Call) -> Result<(), Refused> {
        let wants = call.stdin.text.is_some() || call.stdin.open == Open::Yes || call.terminal.is_some();
        let Some(why) = approved.no_input().filter(|_| wants) else { return Ok(()) };
        let why = trip.law.judge.clean(why);
        self.record_refused(trip, "deny", Vec::new(), why.clone()).await?;
        let text = format!("denied: {why}");
        Err(Refused::Denied { for_model: text.clone(), for_operator: text })
    }

    fn admit(&self) -> Result<Admission, Refused> {
        self.jobs.admit().map_err(|turned| match turned {
            Turned::Closed => Refused::ShuttingDown,
            Turned::Full { running, queued } => Refused::Full { running, queued },
        })
    }

    fn start(
        &self,
        trip: Trip<'_>,
        admission: Admission,
        order: Order,
        (label, places): (Option<String>, Vec<Permit>),
    ) -> Started {
        let label = label.map(|label| trip.law.judge.clean(&label));
        let label = Label { id: trip.id, client: trip.client.to_owned(), command: trip.command, label };
        let client = label.client.clone();
        let job = self.jobs.start(admission, label, order);
        self.count(Metrics::accepted);
        tracing::debug!("accepted");
        self.remember(&client, job.job(), places);
        job
    }

    async fn record_allowed(
        &self,
        trip: &Trip<'_>,
        approved: &Approved,
        call: &Call,
        unheld: Vec<String>,
    ) -> Result<Receipt, Refused> {
        let mut record = self.record(trip, "allow");
        record.job = Some(trip.id.uuid());
        record.cwd = approved.cwd().path.to_string();
        record.rules = approved.rules().iter().map(|rule| rule.id.clone()).collect();
        record.profile = Some(approved.profile().name.clone());
        self.count(|numbers| numbers.decided("allow", &record.rules));
        if let Some(sandbox) = record.sandbox.as_object_mut() {
            sandbox.insert("unheld".into(), unheld.into());
        }
        let (audit, history, id) = (self.audit.clone(), self.keeper.clone(), trip.id);
        let label = call.label.as_deref().map(|label| trip.law.judge.clean(label));
        let begun = past::begun(trip.client, id, &trip.command, label);
        on_disk(move || {
            // First the history: whatever is allowed and then cut off must be found there after a crash.
            history.iter().for_each(|history| history.put(begun.clone()).wait());
            let receipt = audit.allowed(record);
            if let (Err(_), Some(history)) = (&receipt, history) {
                history.forget(id.uuid());
            }
            receipt
        })
        .await
    }

    /// A question and its answer are on record, whatever is decided then.
    async fn record_question(
        &self,
        trip: &Trip<'_>,
        question: &Question,
        rules: &[String],
        answer: Option<&'static str>,
    ) -> Result<(), Refused> {
        let record = AskRecord {
            job: Some(trip.id.uuid()),
            client: trip.client.to_owned(),
            command: question.command.clone(),
            rules: rules.to_vec(),
            reason: question.reason.clone(),
            policy_digest: trip.law.policy().digest().to_owned(),
            answer,
        };
        let kind = if answer.is_some() { "approval" } else { "asked" };
        let audit = self.audit.clone();
        on_disk(move || audit.note(kind, record)).await
    }

    async fn record_denied(&self, trip: &Trip<'_>, denial: &Denial, asked: bool) -> Result<(), Refused> {
        let rules = denial.rule().map(|rule| rule.id.clone()).into_iter().collect();
        let decision = if asked { "ask_refused" } else { "deny" };
        self.record_refused(trip, decision, rules, trip.law.judge.clean(denial.reason())).await
    }

    async fn record_refused(
        &self,
        trip: &Trip<'_>,
        decision: &'static str,
        rules: Vec<String>,
        reason: String,
    ) -> Result<(), Refused> {
        self.count(|numbers| numbers.decided(decision, &rules));
        let record = DecisionRecord { rules, reason, ..self.record(trip, decision) };
        let audit = self.audit.clone();
        on_disk(move || audit.refused(record)).await
    }

    fn record(&self, trip: &Trip<'_>, decision: &str) -> DecisionRecord {
        DecisionRecord {
            job: None,
            client: trip.client.to_owned(),
            front: self.front.name().to_owned(),
            command: trip.command.clone(),
            cwd: String::new(),
            decision: decision.to_owned(),
            rules: Vec::new(),
            reason: String::new(),
            policy_digest: trip.law.policy().digest().to_owned(),
            policy_name: trip.law.policy().name().to_owned(),
            profile: None,
            sandbox: self.sandbox.clone(),
        }
    }
}

/// May judging it take long enough to be felt by others?
fn is_long(call: &Call) -> bool {
    let bytes = match &call.command {
        Text::Line(line) => line.len(),
        Text::Exact(words) => words.iter().map(String::len).sum(),
    };
    bytes > LONG
}

/// Runs a write to the record where it may block.
async fn on_disk<T: Send + 'static>(
    write: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(write).await {
        Ok(written) => written.map_err(|error| Refused::Audit(error.to_string())),
        Err(panicked) => Err(Refused::Audit(panicked.to_string())),
    }
}
