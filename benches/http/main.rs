//! What serving over HTTP holds: load of many clients, and one client's latency while another floods.
//!
//! Floor of the same run: a request that the transport answers alone (`/healthz`). Bars: no error; under a flood of another
//! client a call and a job take at most twice as long as on an idle server. What two programs that only compute make of the
//! same call, without any flood, is the part of the difference that is the machine's and not the server's.

mod client;

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use client::Client;

const CLIENTS: usize = 64;
const CALLS: usize = 10_000;
const JOBS: usize = 1_000;
/// Requests of the one client whose times are taken one by one.
const ALONE: usize = 1_000;
/// Connections of the client that floods.
const FLOOD: usize = 16;

const POLICY: &str = "
version: 1
commands: {allow: [{id: quick, program: ['true', sleep], options: any, operands: any}]}
cwd: {roots: ['{workspace}']}
env: {inherit: [PATH]}
filesystem: {read: [/usr, '/lib*', /bin, /etc], write: ['{workspace}', '{tmp}'], execute: [/usr, '/lib*', /bin]}
sandbox: {on_unsupported: {default: warn, metadata: warn, protect: warn, hide: warn}}
http: {tokens: '{state}/tokens.json'}
";

/// One request of a kind.
type Ask = fn(&mut Client) -> io::Result<()>;

struct Server {
    process: Child,
    address: SocketAddr,
    tokens: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("workspace"))?;
        std::fs::create_dir(path("state"))?;
        std::fs::write(path("policy.yaml"), POLICY)?;
        let command = |subcommand: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
            command.arg(subcommand).arg("--policy").arg(path("policy.yaml"));
            command.arg("--workspace").arg(path("workspace")).arg("--state").arg(path("state"));
            command
        };
        let mut tokens = Vec::new();
        for number in 0..CLIENTS {
            let output = command("token").arg("add").arg(format!("client{number}")).output()?;
            tokens.push(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let mut serve = command("serve");
        let mut process = serve.args(["--http", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn()?;
        let mut said = BufReader::new(process.stderr.take().ok_or_else(|| io::Error::other("no stderr"))?);
        let address = loop {
            let mut line = String::new();
            if said.read_line(&mut line)? == 0 {
                return Err(io::Error::other("the server did not start"));
            }
            if let Some(url) = line.split("serving MCP at ").nth(1) {
                let address = url.split('/').nth(2).unwrap_or_default();
                break address.parse().map_err(io::Error::other)?;
            }
        };
        // Whatever it says later must not fill the pipe.
        thread::spawn(move || io::copy(&mut said, &mut io::sink()));
        Ok(Self { process, address, tokens, _folder: folder })
    }

    fn client(&self, number: usize) -> io::Result<Client> {
        Client::connect(self.address, self.tokens.get(number).map_or("", String::as_str))
    }

    /// Resident memory in MiB.
    fn memory(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(Path::new("/proc").join(self.process.id().to_string()).join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its own child; the helper ends every job when it is gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// What a row of times comes to.
struct Summary {
    half: Duration,
    mean: Duration,
    most: Duration,
    longest: Duration,
}

impl Summary {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
        Self {
            half: percentile(&times, 50),
            mean: times.iter().sum::<Duration>() / count,
            most: percentile(&times, 99),
            longest: times.last().copied().unwrap_or_default(),
        }
    }

    /// How many times as long as another, for each figure.
    fn against(&self, idle: &Self) -> String {
        let times = |of: fn(&Self) -> Duration| of(self).as_secs_f64() / of(idle).as_secs_f64();
        let [half, mean, most] = [times(|it| it.half), times(|it| it.mean), times(|it| it.most)];
        format!("{half:.2} times idle in the middle, {mean:.2} in the mean, {most:.2} at p99")
    }
}

fn report(what: &str, times: Vec<Duration>, took: Duration, errors: usize) -> Summary {
    let rate = times.len() as f64 / took.as_secs_f64();
    let summary = Summary::of(times);
    let Summary { half, mean, most, longest } = &summary;
    say(&format!(
        "{what:<34} {rate:>8.0}/s   p50 {half:>9.2?}   mean {mean:>9.2?}   p99 {most:>9.2?}   max {longest:>9.2?}   errors {errors}"
    ));
    summary
}

#[expect(clippy::print_stdout, reason = "the report is what a bench is for")]
fn say(line: &str) {
    println!("{line}");
}

/// All clients at once until `total` requests are answered.
fn load(server: &Server, total: usize, ask: Ask) -> (Vec<Duration>, Duration, usize) {
    let (left, errors) = (AtomicUsize::new(total), AtomicUsize::new(0));
    let begin = Instant::now();
    let one = |number: usize| {
        let mut times = Vec::new();
        let Ok(mut client) = server.client(number) else {
            errors.fetch_add(1, Ordering::Relaxed);
            return times;
        };
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            let asked = Instant::now();
            match ask(&mut client) {
                Ok(()) => times.push(asked.elapsed()),
                Err(error) => {
                    say(&format!("error: {error}"));
                    errors.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        times
    };
    let one = &one;
    let times = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    (times, begin.elapsed(), errors.load(Ordering::Relaxed))
}

/// One client's times, one request after the other.
fn alone(client: &mut Client, count: usize, ask: Ask) -> io::Result<Vec<Duration>> {
    (0..count)
        .map(|_| {
            let asked = Instant::now();
            ask(client)?;
            let took = asked.elapsed();
            // As somebody works: not as fast as the line gives.
            thread::sleep(Duration::from_millis(5));
            Ok(took)
        })
        .collect()
}

/// What client 0 sees while another process of this bench does what these arguments say, until its input ends; and what
/// that one got done. It runs at the lowest priority, as far from the one who measures as one machine allows: what is
/// measured is the server.
fn beside(server: &Server, (count, ask): (usize, Ask), arguments: &[&str]) -> io::Result<(Vec<Duration>, usize)> {
    let mut other = Command::new("nice")
        .args(["-n", "19"])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    thread::sleep(Duration::from_millis(300));
    let times = alone(&mut server.client(0)?, count, ask);
    drop(other.stdin.take());
    let output = other.wait_with_output()?;
    let done = String::from_utf8_lossy(&output.stdout).trim().parse().map_err(io::Error::other)?;
    Ok((times?, done))
}

/// Keeps both processors busy until its input ends, and asks nobody for anything.
fn compute() -> io::Result<()> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let read = io::copy(&mut io::stdin(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
        read
    })?;
    say("0");
    Ok(())
}

/// The other side of that: floods until its input ends, then says how much it got.
fn flood(address: &str, token: &str, ask: Ask) -> io::Result<()> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let one = || -> io::Result<()> {
            let mut client = Client::connect(address, token)?;
            while !stop.load(Ordering::Relaxed) {
                ask(&mut client)?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let floods: Vec<_> = (0..FLOOD).map(|_| scope.spawn(one)).collect();
        io::copy(&mut io::stdin(), &mut io::sink())?;
        stop.store(true, Ordering::Relaxed);
        floods.into_iter().try_for_each(|flood| flood.join().map_err(|_| io::Error::other("a flood panicked"))?)
    })?;
    say(&done.into_inner().to_string());
    Ok(())
}

fn health(client: &mut Client) -> io::Result<()> {
    client.health()
}

fn list(client: &mut Client) -> io::Result<()> {
    client.call("list_jobs", "{}").map(drop)
}

fn job(client: &mut Client) -> io::Result<()> {
    client.job()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, address, token, what] = arguments.as_slice()
        && word == "--flood"
    {
        return flood(address, token, if what == "calls" { list } else { job });
    }
    if arguments.iter().any(|argument| argument == "--compute") {
        return compute();
    }
    let server = Server::start()?;
    say(&format!("memory with {CLIENTS} clients, idle: {} MiB", server.memory()?));
    let (times, took, errors) = load(&server, CALLS, health);
    report("floor: transport alone, 64 clients", times, took, errors);
    let (times, took, errors) = load(&server, CALLS, list);
    report("calls, 64 clients", times, took, errors);
    let (times, took, errors) = load(&server, JOBS, job);
    report("jobs to their end, 64 clients", times, took, errors);
    say(&format!("memory after {CALLS} calls and {JOBS} jobs: {} MiB", server.memory()?));

    let flooding = server.tokens.get(1).map_or("", String::as_str);
    let address = server.address.to_string();
    let mut one = server.client(0)?;
    for (what, ask) in [("call", list as Ask), ("job", job)] {
        let begin = Instant::now();
        let idle = alone(&mut one, ALONE, ask)?;
        let idle = report(&format!("one {what} after the other, idle"), idle, begin.elapsed(), 0);
        let others: [(&str, &[&str]); 3] = [
            ("two programs compute", &["--compute"]),
            ("another floods with calls", &["--flood", &address, flooding, "calls"]),
            ("another floods with jobs", &["--flood", &address, flooding, "jobs"]),
        ];
        for (other, arguments) in others {
            let begin = Instant::now();
            let (times, done) = beside(&server, (ALONE, ask), arguments)?;
            let took = begin.elapsed();
            let under = report(&format!("  while {other}"), times, took, 0);
            say(&format!("    {}; the other got {:.0}/s", under.against(&idle), done as f64 / took.as_secs_f64()));
        }
    }
    Ok(())
}
