//! The decision about one request.
//!
//! In: a [`Request`] and a [`World`]. Out: a [`Decision`] with the explanation of the same run. What is run is what was
//! judged: the rendered tree, never the text that came in.
//!
//! INVARIANT: an [`Approved`] is made here alone, after every command, redirection and assignment was allowed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::advice;
use super::carried::MAX_CARRIED;
use super::compiled::Policy;
use super::decision::{Approved, Decision, Denial, Pending, Plan};
use super::environment::never_set;
use super::explain::{AssignmentReport, Explanation, RedirectReport, Unread, Verdict, word};
use super::judge::{Court, Need, Ruling, Trial, rules_of};
use super::places::{Access, Places};
use super::profile::Profile;
use super::rule::RuleRef;
use super::wildcard;
use super::world::{DirectoryFacts, ProgramFile, World};
use crate::paths::AbsPath;
use crate::shell::{self, Analysis, Assignment, Head, Redirect, RedirectOp, Rendered, Scope, Slot, Target, Word};
use crate::units::Period;

/// What to run, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// A command line.
    Line(String),
    /// A program with its words; no shell is involved.
    Exact(Vec<String>),
}

/// A request to run something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub text: Text,
    /// Where; relative to the default directory of the policy.
    pub cwd: Option<String>,
    /// Variables that the caller sets.
    pub env: BTreeMap<String, String>,
    /// A shorter time limit.
    pub timeout: Option<Period>,
}

/// Why a request is refused, before it is put into words for anyone.
struct Refused {
    reason: String,
    rule: Option<RuleRef>,
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self { reason, rule: None }
    }
}

impl Policy {
    /// Judges a request.
    pub fn decide(&self, request: &Request, world: &dyn World) -> Decision {
        let line = match &request.text {
            Text::Line(line) => line.clone(),
            Text::Exact(words) => words.join(" "),
        };
        let mut explanation = Explanation::new(line);
        match self.try_decide(request, world, &mut explanation) {
            Ok((verdict, approved)) => {
                explanation.decision = verdict;
                self.granted(verdict, Approved { explanation, ..approved })
            }
            Err(refused) => {
                let (instead, suggestion) = (advice::instead(self, &explanation), explanation.suggestion.clone());
                let Refused { reason, rule } = refused;
                Decision::Deny(Denial { explanation, reason, rule, instead, suggestion })
            }
        }
    }

    fn granted(&self, verdict: Verdict, approved: Approved) -> Decision {
        if verdict == Verdict::Allow {
            return Decision::Allow(approved);
        }
        let asking = approved.explanation.commands.iter().find(|report| report.verdict == Verdict::Ask);
        let reason = asking.map_or_else(|| "a person decides".to_owned(), |report| report.reason.clone());
        let rule = asking.and_then(|report| report.rule.clone());
        Decision::Ask(Pending { approved, reason, rule })
    }

    /// The trip of a request, each step one line.
    fn try_decide(
        &self,
        request: &Request,
        world: &dyn World,
        explanation: &mut Explanation,
    ) -> Result<(Verdict, Approved), Refused> {
        let env = self.environment.with(&request.env).map_err(|why| general(explanation, why))?;
        let cwd = self.start(request, world).map_err(|why| general(explanation, why))?;
        let known = with_start(&env, &cwd.path, &explanation.line);
        let analysis = self.analyse(request, known, explanation)?;
        let line = explanation.line.clone();
        let court = Court {
            policy: self,
            world,
            start: &cwd.path,
            line: &line,
            carried: Cell::new((0, MAX_CARRIED)),
            trial: Trial::default(),
        };
        let judged = analysis.commands.iter().map(|command| self.narrowed(command, court.judge(command)));
        let (reports, rulings): (Vec<_>, Vec<Ruling>) = judged.unzip();
        explanation.commands = reports;
        let profile = self.sandbox(&rulings).map_err(|why| general(explanation, why));
        let judging = profile.as_ref().map_or(&self.default_profile, |profile| profile);
        explanation.redirects =
            analysis.redirects.iter().map(|redirect| redirection(redirect, judging, &court)).collect();
        explanation.assignments =
            analysis.assignments.iter().map(|assignment| self.assignment(assignment, &env)).collect();
        let verdict = strictest(explanation).inspect_err(|_| {
            explanation.suggestion = court.suggestion(&analysis.commands, explanation);
        })?;
        for probe in &analysis.probes {
            let places = Places { world, profile: judging, cwd: court.follow_cwd(&probe.cwd) };
            let looked = places.allow(&probe.file, Access::Read);
            looked.map_err(|why| general(explanation, format!("a test of a file: {why}")))?;
        }
        let profile = profile?;
        explanation.profile = Some(profile.name.clone());
        let alike = |script: &str| court.alike(script, &profile);
        let (plan, programs) = plan(&analysis, &rulings, alike).map_err(|why| general(explanation, why))?;
        explanation.rendered = Some(match &plan {
            Plan::Exec { argv, .. } => argv.join(" "),
            Plan::Bash { script, .. } => script.clone(),
        });
        let helpers = if profile.approved_only { self.helpers(&programs, world) } else { Vec::new() };
        let rules = rules_of(&explanation.commands);
        let no_input = court.refuses_input(&analysis.commands, &rulings);
        let explanation = Explanation::new(String::new());
        Ok((
            verdict,
            Approved {
                plan,
                programs,
                helpers,
                cwd,
                env,
                profile,
                timeout: request.timeout,
                rules,
                no_input,
                explanation,
            },
        ))
    }

    /// Where the request starts.
    fn start(&self, request: &Request, world: &dyn World) -> Result<DirectoryFacts, String> {
        let asked = request.cwd.as_deref().unwrap_or(".");
        let places = Places { world, profile: &self.default_profile, cwd: Ok(self.cwd_default.clone()) };
        let path = places.resolve(asked)?;
        if !self.may_start_in(&path) {
            return Err(format!("the working directory `{path}` is not one that the policy allows"));
        }
        world.directory(&path).map_err(|error| error.to_string())
    }

    fn analyse(
        &self,
        request: &Request,
        variables: Arc<BTreeMap<String, String>>,
        explanation: &mut Explanation,
    ) -> Result<Analysis, Refused> {
        let context = shell::Context { variables, home: self.home.as_ref().map(ToString::to_string) };
        let analysis = match &request.text {
            Text::Line(line) => shell::analyze(line, &context),
            Text::Exact(words) => shell::exact(words.clone()),
        };
        let analysis = analysis.map_err(|refusal| {
            let message = refusal.message.clone();
            explanation.refusal = Some(Unread { code: refusal.code.to_string(), message, span: refusal.span });
            Refused::from(refusal.message)
        })?;
        if self.without_shell() && !is_plain(&analysis) {
            return Err(general(
                explanation,
                "this policy runs one program without a shell; send one plain command".into(),
            ));
        }
        Ok(analysis)
    }

    /// The one sandbox of a line: one that every command may see, or what is common to the limits of several.
    fn sandbox(&self, rulings: &[Ruling]) -> Result<Arc<Profile>, String> {
        let needs = rulings.iter().filter_map(|ruling| match &ruling.need {
            Need::OneOf(profiles) if !profiles.is_empty() => Some(profiles),
            Need::OneOf(_) | Need::Nothing => None,
        });
        let needs: Vec<&Vec<Arc<Profile>>> = needs.collect();
        let Some((first, rest)) = needs.split_first() else { return Ok(Arc::clone(&self.default_profile)) };
        let common =
            first.iter().find(|profile| rest.iter().all(|need| need.iter().any(|other| other.name == profile.name)));
        match (common, first.first()) {
            (Some(common), _) => Ok(Arc::clone(common)),
            (None, Some(profile)) => intersection(profile, rest).map(Arc::new),
            (None, None) => Ok(Arc::clone(&self.default_profile)),
        }
    }

    fn assignment(&self, assignment: &Assignment, env: &BTreeMap<String, String>) -> AssignmentReport {
        let name = &assignment.name;
        let listed = wildcard::any(self.assignments.iter().map(String::as_str), name);
        // A variable that programs do not see can only change words, and those are judged.
        let inside = assignment.scope == Scope::Shell && !env.contains_key(name);
        let (verdict, reason) = match never_set(name) {
            Some(why) => (Verdict::Deny, why),
            None if names_a_file(name, &assignment.value) => {
                (Verdict::Deny, format!("`{name}` may name a file to read; use a plain name for it"))
            }
            None if listed => (Verdict::Allow, "listed in `commands.assignments`".to_owned()),
            None if inside => (Verdict::Allow, "a variable of the shell alone".to_owned()),
            None => (Verdict::Deny, format!("the policy does not let a command line set `{name}`")),
        };
        AssignmentReport { name: name.clone(), value: word(&assignment.value), verdict, reason }
    }
}

/// What the shell knows at its start: it sets PWD itself.
fn with_start(env: &Arc<BTreeMap<String, String>>, start: &AbsPath, line: &str) -> Arc<BTreeMap<String, String>> {
    if !line.contains("PWD") {
        return Arc::clone(env);
    }
    let mut known = BTreeMap::clone(env);
    known.insert("PWD".to_owned(), start.to_string());
    Arc::new(known)
}

/// The C library reads the file that a locale or a time zone names, wherever it lies.
fn names_a_file(name: &str, value: &Word) -> bool {
    let reads = matches!(name, "TZ" | "LANG" | "LANGUAGE") || name.starts_with("LC_");
    let plain = |text: &str| !text.trim_start_matches(':').starts_with('/') && !text.contains("..");
    reads && !value.known().is_some_and(plain)
}

fn general(explanation: &mut Explanation, why: String) -> Refused {
    explanation.general.push(why.clone());
    Refused::from(why)
}

/// One program with plain words and nothing else.
fn is_plain(analysis: &Analysis) -> bool {
    let one = analysis.commands.len() == 1 && analysis.redirects.is_empty() && analysis.assignments.is_empty();
    one && analysis.commands.iter().all(|command| {
        matches!(command.head, Head::Program(_)) && command.words.iter().all(|word| word.known().is_some())
    })
}

/// What both grant. Where one needs more than that, the commands have to run apart.
fn intersection(first: &Profile, rest: &[&Vec<Arc<Profile>>]) -> Result<Profile, String> {
    let mut both = first.clone();
    for other in rest.iter().filter_map(|need| need.first()) {
        if other.name == first.name {
            continue;
        }
        let same = both.read == other.read && both.write == other.write && both.execute == other.execute;
        let names = both.protect == other.protect && both.hide == other.hide;
        if !same || !names || both.network != other.network {
            let (one, two) = (&both.name, &other.name);
            return Err(format!("its commands need different sandboxes, `{one}` and `{two}`; run them one by one"));
        }
        both.approved_only |= other.approved_only;
        both.limits = both.limits.narrowest(&other.limits);
        both.name = format!("{}+{}", both.name, other.name);
    }
    Ok(both)
}

fn redirection(redirect: &Redirect, profile: &Profile, court: &Court<'_>) -> RedirectReport {
    let (target, judged) = match &redirect.target {
        Target::Inside => (None, Ok("nothing outside the job".to_owned())),
        Target::File(file) => {
            let places = Places { world: court.world, profile, cwd: court.follow_cwd(&redirect.cwd) };
            let needs: &[Access] = match redirect.op {
                RedirectOp::Read => &[Access::Read],
                RedirectOp::ReadWrite => &[Access::Read, Access::Write],
                _ => &[Access::Write],
            };
            let judged = needs.iter().try_for_each(|access| places.allow(file, *access));
            (word(file), judged.map(|()| "the place is allowed".to_owned()))
        }
    };
    let (verdict, reason) = match judged {
        Ok(reason) => (Verdict::Allow, reason),
        Err(reason) => (Verdict::Deny, reason),
    };
    RedirectReport { op: redirect.op, fd: redirect.fd, target, verdict, reason }
}

/// The strictest answer of all parts; the first that denies says why.
fn strictest(explanation: &Explanation) -> Result<Verdict, Refused> {
    let denied = |verdict: Verdict| verdict == Verdict::Deny;
    if let Some(report) = explanation.commands.iter().find(|report| denied(report.verdict)) {
        return Err(Refused { reason: report.reason.clone(), rule: report.rule.clone() });
    }
    if let Some(report) = explanation.redirects.iter().find(|report| denied(report.verdict)) {
        return Err(Refused::from(format!("a redirection: {}", report.reason)));
    }
    if let Some(report) = explanation.assignments.iter().find(|report| denied(report.verdict)) {
        return Err(Refused::from(report.reason.clone()));
    }
    Ok(explanation.commands.iter().map(|report| report.verdict).max().unwrap_or(Verdict::Allow))
}

/// Renders the tree with every program as its path. `alike` knows the program that does what a whole script does.
fn plan(
    analysis: &Analysis,
    rulings: &[Ruling],
    alike: impl Fn(&str) -> Option<ProgramFile>,
) -> Result<(Plan, Vec<ProgramFile>), String> {
    let mut slots: BTreeMap<Slot, String> = BTreeMap::new();
    let mut programs: Vec<ProgramFile> = Vec::new();
    for (command, ruling) in analysis.commands.iter().zip(rulings) {
        if let (Head::Program(slot), Some(file)) = (command.head, &ruling.file) {
            let path = path_text(&file.path)?;
            if slots.insert(slot, path.clone()).is_some_and(|before| before != path) {
                return Err(format!("`{path}` is not the same program in each round of a loop; name it by its path"));
            }
            if !programs.contains(file) {
                programs.push(file.clone());
            }
        }
    }
    let rendered = analysis.render(&slots).map_err(|refusal| refusal.message)?;
    let plan = match rendered {
        Rendered::Bash(script) => match alike(&script) {
            Some(program) => {
                programs.push(program.clone());
                let argv = vec![path_text(&program.path)?];
                Plan::Exec { program, argv }
            }
            None => Plan::Bash { script, programs: programs.clone() },
        },
        Rendered::Exec(argv) => {
            // With a wrapper there are several programs; the first word is the one to start.
            let first =
                programs.iter().find(|file| argv.first().is_some_and(|path| file.path.as_path() == Path::new(path)));
            let program = first.cloned().ok_or("the command cannot be run without a shell")?;
            Plan::Exec { program, argv }
        }
    };
    Ok((plan, programs))
}

fn path_text(path: &AbsPath) -> Result<String, String> {
    path.as_path().to_str().map(str::to_owned).ok_or_else(|| format!("`{path}` is not UTF-8, and cannot be run"))
}
