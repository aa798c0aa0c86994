//! Redaction as the rest of the crate uses it: nothing secret comes out, nothing else is held back or changed.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use shellwarden::output::Redactor;

/// A token that no one issued, put together here so that no scanner takes this file for a leak.
fn token() -> String {
    ["gh", "p_", &"aB3dE6gH9j".repeat(4)].concat()
}

fn builtin() -> Arc<Redactor> {
    Arc::new(Redactor::builder().builtin(true).build().unwrap())
}

fn with_rules(rules: &[(&str, &str, &str)]) -> Arc<Redactor> {
    let add = |builder: shellwarden::output::Builder, (id, regex, replace): &(&str, &str, &str)| {
        builder.rule(id, regex, replace)
    };
    Arc::new(rules.iter().fold(Redactor::builder(), add).build().unwrap())
}

/// The whole stream in pieces of `size` bytes.
fn in_pieces(redactor: &Arc<Redactor>, bytes: &[u8], size: usize) -> String {
    let mut stream = redactor.stream();
    let mut out = Vec::new();
    for piece in bytes.chunks(size) {
        stream.push(piece, &mut out);
    }
    stream.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// What has come out after `bytes`, with the stream still open.
fn at_once(redactor: &Arc<Redactor>, bytes: &str) -> String {
    let mut out = Vec::new();
    redactor.stream().push(bytes.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_secret_is_found_in_any_pieces_and_wrapping() {
    let redactor = builtin();
    let token = token();
    let (start, end) = token.split_at(20);
    let (two, rest) = token.split_at(2);
    let long = "x".repeat(60);
    let cases = [
        ("plain", format!("a {token} b\n"), "a [redacted:github-token] b\n"),
        ("coloured inside", format!("a {start}\x1b[31m{end} b"), "a [redacted:github-token]\x1b[31m b"),
        ("colour in the prefix", format!("a {two}\x1b[0m{rest} b"), "a [redacted:github-token]\x1b[0m b"),
        ("colour right before", format!("a\x1b[1m{token} b"), "a\x1b[1m[redacted:github-token] b"),
        ("broken line", format!("{start}\n{end}\nb"), "[redacted:github-token]\nb"),
        ("broken prefix", format!("{two}\n{rest}\nb"), "[redacted:github-token]\nb"),
        ("broken by a terminal", format!("{start} \r{end}\r\nb"), "[redacted:github-token]\r\nb"),
        ("continued by a shell", format!("{start}\\\n  {end} b"), "[redacted:github-token] b"),
        ("zero-width space", format!("{start}\u{200b}{end} b"), "[redacted:github-token]\u{200b} b"),
        ("in a window title", format!("\x1b]0;{token}\x07b"), "\x1b]0;[redacted:github-token]\x07b"),
        ("escaped line end before", format!(r#""a\n{token}""#), r#""a\n[redacted:github-token]""#),
        ("name of three letters", "pwd=hunter2-x b".to_owned(), "pwd=[redacted:secret-value] b"),
        ("full line", format!("{long} {token}\nfoo\n"), &format!("{long} [redacted:github-token]\n")),
    ];
    for (why, text, want) in &cases {
        for size in [1, 2, 7, 64 << 10] {
            let got = in_pieces(&redactor, text.as_bytes(), size);
            assert!(
                got == *want || (*why == "full line" && got.starts_with(want)),
                "{why}, {size} bytes at once: {got:?}"
            );
        }
    }
}

#[test]
fn what_cannot_begin_a_secret_is_passed_on_at_once() {
    let redactor = builtin();
    for prompt in
        ["Password: ", "login: ", "Continue? [y/N] ", ">>> ", "$ ", "50%\r", "enough", "\x1b[1m> \x1b[0m", "ok\n"]
    {
        assert_eq!(at_once(&redactor, prompt), prompt, "{prompt:?}");
    }
    assert_eq!(at_once(&redactor, "key is ghp_abc"), "key is ", "held: it may become a secret");
}

#[test]
fn rules_of_a_policy_take_out_the_secret_part_alone() {
    let redactor = with_rules(&[
        ("ticket", "TCK-[0-9A-F]{16}", "[ticket]"),
        ("pin", r"pin=(\d{4})", "****"),
        ("pair", r"user (?<name>\w+) pass \w+", "user $name pass -"),
        ("bare", r"[0-9]{3}-[0-9]{2}", "N"),
    ]);
    let text = "TCK-0123456789ABCDEF pin=1234 user bob pass hunter 123-45 x\n";
    let want = "[ticket] pin=**** user bob pass - N x\n";
    for size in [1, 3, 1000] {
        assert_eq!(in_pieces(&redactor, text.as_bytes(), size), want);
    }
    let (shown, counts) = redactor.text("pin=1234 pin=9876");
    assert_eq!((shown.as_str(), counts["pin"]), ("pin=**** pin=****", 2));
}

#[test]
fn rules_that_cannot_work_are_refused_with_the_reason() {
    let refused = |regex, replace| Redactor::builder().rule("r", regex, replace).build().unwrap_err().to_string();
    assert_eq!(refused("a*", ""), "redaction rule `r` matches the empty text; make some part of it mandatory");
    let group =
        "redaction rule `r`: the replacement may not use `$0`; name groups of the regex other than the secret one";
    assert_eq!(refused("abc", "$0"), group);
    assert!(refused("(", "").starts_with("redaction rule `r`: regex parse error"));
    assert!(refused("(?:[a-z]{1,500}x){500}", "").contains("large counts multiply"));
}

#[test]
fn a_known_value_is_hidden_in_every_spelling() {
    use base64::Engine;
    let value = ["s3cr3t/", "p@ss+w\"ord"].concat();
    let redactor = Arc::new(Redactor::builder().literal("DB_PASSWORD", &value).build().unwrap());
    let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut spellings = vec![
        value.clone(),
        percent,
        "s3cr3t%2Fp%40ss%2Bw%22ord".to_owned(),
        "s3cr3t%2fp%40ss%2bw%22ord".to_owned(),
        serde_json::to_string(&value).unwrap(),
        value.bytes().map(|byte| format!("{byte:02x}")).collect(),
        value.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{value}:tail");
        let standard = base64::engine::general_purpose::STANDARD.encode(&text);
        let inner = &standard[6..standard.len() - 10];
        let shown = redactor.text(&standard).0;
        assert!(shown.contains("[redacted:DB_PASSWORD]") && !shown.contains(inner), "{before}: {shown}");
        spellings.push(base64::engine::general_purpose::URL_SAFE.encode(&text));
    }
    for text in spellings {
        for size in [1, 1000] {
            let shown = in_pieces(&redactor, format!("x={text};").as_bytes(), size);
            assert!(shown.contains("[redacted:DB_PASSWORD]"), "{text} -> {shown}");
        }
    }
    assert_eq!(redactor.text("nothing here").0, "nothing here");
    let harmless = Arc::new(Redactor::builder().literal("A", "true").literal("B", "production").build().unwrap());
    assert_eq!(harmless.text("true production").0, "true production");
}

#[test]
fn a_word_is_a_password_where_a_setting_gives_it_alone() {
    let redactor = builtin();
    let word = ["correct", "horse", "battery"].concat();
    for name in ["password: ", "  db_password: ", "DB_PASSWORD=", "export PGPASSWORD="] {
        let shown = in_pieces(&redactor, format!("{name}{word}\n").as_bytes(), 3);
        assert_eq!(shown, format!("{name}[redacted:secret-value]\n"));
    }
    let kept = [
        "password: String\n",
        "    password: SecretString\n",
        "the password: forgotten\n",
        "password = computed\n",
        "password: required\n",
        "password=password\n",
        "compass: northwest\n",
    ];
    for text in kept {
        assert_eq!(in_pieces(&redactor, text.as_bytes(), 3), text);
    }
}

#[test]
fn a_private_key_goes_as_a_block_even_without_its_end() {
    let redactor = builtin();
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(200);
    let begin = ["-----BEGIN RSA ", "PRIVATE KEY-----\n"].concat();
    let end = ["-----END RSA ", "PRIVATE KEY-----\n"].concat();
    for size in [1, 1000, 1 << 20] {
        let whole = format!("a\n{begin}{body}ab==\n{end}done, all is well.\n");
        assert_eq!(in_pieces(&redactor, whole.as_bytes(), size), "a\n[redacted:private-key]\ndone, all is well.\n");
        let cut = format!("a\n{begin}{body}done, all is well.\n");
        assert_eq!(in_pieces(&redactor, cut.as_bytes(), size), "a\n[redacted:private-key]done, all is well.\n");
    }
    let public = ["-----BEGIN PUBLIC ", "KEY-----\nMIIB\n"].concat();
    assert_eq!(redactor.text(&public).0, public);
}

#[test]
fn what_is_held_back_is_bounded() {
    let redactor = builtin();
    let endless = ["sk-ant-api03-", &"A1b2".repeat(100_000)].concat();
    let mut stream = redactor.stream();
    let mut out = Vec::new();
    stream.push(endless.as_bytes(), &mut out);
    assert_eq!(out, b"[redacted:anthropic-key]");
    stream.push(b" and on", &mut out);
    assert_eq!(out, b"[redacted:anthropic-key] and on");
}

/// Pieces of text in which rules begin, end, overlap and nearly match.
fn fragments() -> impl Strategy<Value = Vec<String>> {
    let parts: Vec<String> = vec![
        token(),
        "ghp_".into(),
        "gh".into(),
        "p_".into(),
        "AKIA".into(),
        "QWERTYUIOPASDFGH".into(),
        "password=".into(),
        "hunter2!x".into(),
        "://user:".into(),
        "p@ss@host/".into(),
        "eyJhbGciOi".into(),
        ".".into(),
        "\n".into(),
        " \r".into(),
        "\r\n".into(),
        " ".into(),
        "\"".into(),
        "\x1b[31m".into(),
        "\x1b".into(),
        "\x1b]8;;http://u:pw@h\x07".into(),
        "\u{200b}".into(),
        "é".into(),
        "TOKEN".into(),
        "x".repeat(45),
        ["-----BEGIN ", "PRIVATE KEY-----"].concat(),
        "MIIEvQIBADANBgkqhkiG9w0B".into(),
        "s3cr3t-value".into(),
        "12-34".into(),
    ];
    prop::collection::vec(prop::sample::select(parts), 0..24)
}

/// Rules of every kind; their tables are built once for all cases.
static MIXED: LazyLock<Arc<Redactor>> = LazyLock::new(|| {
    let builder = Redactor::builder().builtin(true).literal("V", "s3cr3t-value").rule("n", r"\d+-(\d+)", "#");
    Arc::new(builder.build().unwrap())
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_result_does_not_depend_on_the_pieces(parts in fragments(), cuts in prop::collection::vec(1_usize..40, 1..20)) {
        let redactor = &*MIXED;
        let bytes = parts.concat().into_bytes();
        let whole = in_pieces(redactor, &bytes, usize::MAX);
        for size in [1, 7] {
            prop_assert_eq!(&in_pieces(redactor, &bytes, size), &whole);
        }
        let mut stream = redactor.stream();
        let mut out = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            stream.push(piece, &mut out);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        stream.finish(&mut out);
        prop_assert_eq!(String::from_utf8_lossy(&out).into_owned(), whole);
    }
}

#[test]
fn what_a_rule_knows_by_its_beginning_is_found_in_base64_percent_signs_and_hexadecimal() {
    use base64::Engine;
    let rules = with_rules(&[("canary", "CANARY_SECRET_[0-9a-f]{10}", "[canary]")]);
    let cases = [(builtin(), token(), "github-token"), (rules, ["CANARY_", "SECRET_7f3a9c41d2"].concat(), "canary")];
    for (redactor, secret, id) in cases {
        let mut spellings: Vec<String> = vec![
            secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ];
        for before in ["", "a", "ab"] {
            let text = format!("{before}{secret}; and more");
            spellings.push(base64::engine::general_purpose::STANDARD.encode(&text));
            spellings.push(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text));
        }
        for spelling in spellings {
            let text = format!("it is {spelling} today\n");
            let whole = in_pieces(&redactor, text.as_bytes(), usize::MAX);
            assert!(whole.contains(&format!("[redacted:{id}] today")) && !whole.contains(&spelling[..16]), "{whole}");
            for size in [1, 2, 7] {
                assert_eq!(in_pieces(&redactor, text.as_bytes(), size), whole);
            }
        }
    }
}
