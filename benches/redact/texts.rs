//! What redaction is measured on, made up from fixed numbers: the same bytes in each run.

/// Bytes of each text: several times what the caches hold.
const SIZE: usize = 8 << 20;

/// Makes up one line, or a few.
type Line = fn(&mut Numbers) -> String;

/// The kinds of text by name.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let kinds: [(&str, Line); 6] = [
        ("log", log),
        ("build", build),
        ("base64", base64),
        ("near-misses", near_misses),
        ("beginnings", beginnings),
        ("secrets", secrets),
    ];
    kinds.into_iter().map(|(name, line)| (name, fill(line))).collect()
}

fn fill(line: Line) -> Vec<u8> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut text = Vec::with_capacity(SIZE + 1024);
    while text.len() < SIZE {
        text.extend_from_slice(line(&mut numbers).as_bytes());
        text.push(b'\n');
    }
    text
}

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let at = self.next() % of.len().max(1) as u64;
        usize::try_from(at).ok().and_then(|at| of.get(at)).copied()
    }

    fn word(&mut self, of: &[&'static str]) -> &'static str {
        self.one_of(of).unwrap_or_default()
    }

    /// So many characters of an alphabet.
    fn spell(&mut self, alphabet: &str, length: usize) -> String {
        (0..length).filter_map(|_| self.one_of(alphabet.as_bytes())).map(char::from).collect()
    }
}

const HEX: &str = "0123456789abcdef";
const ALL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn log(n: &mut Numbers) -> String {
    let level = n.word(&["INFO", "DEBUG", "WARN", "ERROR"]);
    let module = n.word(&["http.server", "db.pool", "scheduler", "cache", "worker.queue", "metrics"]);
    let what = n.word(&[
        "request completed in time, nothing to report",
        "connection returned to the pool after use",
        "retrying the operation with a longer delay",
        "refreshed 42 entries and evicted 7 of them",
        "checkpoint written, 1048576 bytes flushed to disk",
        "slow query took longer than its budget allows",
    ]);
    let (second, micro) = (n.next() % 60, n.next() % 1_000_000);
    let (id, path) = (n.spell(HEX, 16), n.spell("abcdefghijklmnop/", 24));
    format!("2026-03-14T09:26:{second:02}.{micro:06}Z {level:5} [{module}] {what} id={id} path=/{path} status=200")
}

fn build(n: &mut Numbers) -> String {
    let name = n.spell("abcdefghijklmnopqrstuvwxyz-", 12);
    match n.next() % 6 {
        0 => format!("   Compiling {name} v{}.{}.{}", n.next() % 9, n.next() % 30, n.next() % 9),
        1 => format!("warning: unused variable: `{name}`\n   --> src/{name}/mod.rs:{}:17", n.next() % 900),
        2 => format!("[{:3}/412] Building CXX object src/CMakeFiles/{name}.dir/{name}.cpp.o", n.next() % 412),
        3 => format!("npm http fetch GET 200 https://registry.example.org/{name} {}ms (cache hit)", n.next() % 900),
        4 => format!("test {name}::keeps_its_order ... ok"),
        _ => format!("sha256:{}: Pull complete", n.spell(HEX, 64)),
    }
}

fn base64(n: &mut Numbers) -> String {
    n.spell("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 76)
}

/// Everything here begins like a secret or stands where one would.
fn near_misses(n: &mut Numbers) -> String {
    let short = n.spell(ALL, 10);
    match n.next() % 10 {
        0 => format!("ghp_{short} is too short, and so are AKIA{} and glpat-{short}", n.spell("ABCDEF", 8)),
        1 => format!("password: ${{{short}}} token={{{{ {short} }}}} secret = os.environ[\"{short}\"]"),
        2 => format!("sk-{short} xoxb-{} npm_{short} SG.{short} hf_{short}", n.next() % 99),
        3 => format!("eyJ{} eyJ{short} and eyJ{short}.{short}", n.spell(ALL, 60)),
        4 => format!("https://example.org:8443/{short} postgres://localhost:5432/{short}"),
        5 => "the token is refreshed when the password of a secret has expired".to_owned(),
        6 => "fn sign(token: &Token, secret: SecretKey, password: String) -> Result<ApiKey>".to_owned(),
        7 => format!("Authorization: none, Bearer {short} Cookie: none AccountKey={short}"),
        8 => format!("-----BEGIN CERTIFICATE-----\nMII{}\n-----END CERTIFICATE-----", n.spell(ALL, 60)),
        _ => format!("token_count=12 password_hash=None secret_name=\"{short}\" api_key_id=0 pwd=/home/x"),
    }
}

/// The beginnings alone, as close together as they get.
fn beginnings(n: &mut Numbers) -> String {
    n.word(&["ghp_", "AKIA", "sk-", "eyJ", "password=", "://", "xoxb-", "token:", "npm_", "SG.", "Bearer "]).repeat(8)
}

fn secrets(n: &mut Numbers) -> String {
    match n.next() % 5 {
        0 => format!("export GITHUB_TOKEN={}{}", "ghp_", n.spell(ALL, 36)),
        1 => format!("aws_secret_access_key = {}", n.spell(ALL, 40)),
        2 => format!("https://deploy:{}@git.example.org/a.git", n.spell(ALL, 16)),
        3 => format!("Authorization: Bearer {}", n.spell(ALL, 40)),
        _ => format!("{{\"password\": \"{}\"}}", n.spell(ALL, 14)),
    }
}
