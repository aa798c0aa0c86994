//! Redaction of realistic text: what must go and what must stay, as data that needs no Rust to read.
//!
//! In: templates under `tests/cases/redact`, in which each `⟨kindN⟩` is made up anew. Out: nothing of what stands between
//! `«` and `»` is left, and text without secrets is the same afterwards. Nothing here is a real credential.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use shellwarden::output::Redactor;

/// Values of each template.
const ROUNDS: u64 = 4;
/// So many bytes in a row of a secret give it away.
const TELLING: usize = 8;

static BUILTIN: LazyLock<Arc<Redactor>> =
    LazyLock::new(|| Arc::new(Redactor::builder().builtin(true).build().unwrap()));

/// Makes up values, the same ones for the same number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    fn of(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[self.roll(letters.len())]).collect()
    }

    fn value(&mut self, kind: &str, count: usize) -> String {
        const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
        const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const DIGITS: &str = "0123456789";
        const HEX: &str = "0123456789abcdef";
        match kind {
            "an" => self.of(&[LOWER, UPPER, DIGITS].concat(), count),
            "low" => self.of(&[LOWER, DIGITS].concat(), count),
            "up" => self.of(&[UPPER, DIGITS].concat(), count),
            "hex" => self.of(HEX, count),
            "HEX" => self.of(&HEX.to_uppercase(), count),
            "b32" => self.of(&[UPPER, "234567"].concat(), count),
            "dig" => self.of(DIGITS, count),
            "b64" => self.of(&[LOWER, UPPER, DIGITS, "+/"].concat(), count),
            "url" => self.of(&[LOWER, UPPER, DIGITS, "-_"].concat(), count),
            "bech" => self.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", count),
            "word" => self.of(LOWER, count),
            "snow" => {
                let number = self.of("123456789", 1) + &self.of(DIGITS, count - 1);
                base64::engine::general_purpose::STANDARD_NO_PAD.encode(number)
            }
            "pw" => {
                let start = self.of(&[LOWER, UPPER].concat(), 2) + &self.of(DIGITS, 2) + &self.of("!%*+-.?^_~#", 1);
                start + &self.of(&[LOWER, UPPER, DIGITS, "!*-._~"].concat(), count - 6) + &self.of(LOWER, 1)
            }
            "uuid" => [8, 4, 4, 4, 12].map(|length| self.of(HEX, length)).join("-"),
            unknown => panic!("no kind {unknown}"),
        }
    }

    /// A template with values in it.
    fn fill(&mut self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('⟨') {
            let (code, next) = after.split_once('⟩').unwrap();
            let (kind, count) = code.split_once(':').unwrap_or((code, "0"));
            text += before;
            text += &self.value(kind, count.parse().unwrap());
            rest = next;
        }
        (text + rest).replace("\\\\", "\0").replace("\\n", "\n").replace("\\e", "\x1b").replace('\0', "\\")
    }
}

fn templates(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/redact").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(str::to_owned).collect()
}

/// What stands between the marks.
fn secrets(text: &str) -> Vec<String> {
    text.split('«').skip(1).map(|part| part.split('»').next().unwrap().to_owned()).collect()
}

/// A piece of a secret that is still to be seen; what the template itself says is none.
fn leak(secret: &str, shown: &str, template: &str) -> Option<String> {
    let letters: Vec<char> = secret.chars().collect();
    let pieces = letters.windows(TELLING.min(letters.len())).map(|piece| piece.iter().collect::<String>());
    let fixed = |piece: &str| template.contains(piece) || piece.contains("-----");
    pieces.into_iter().find(|piece| shown.contains(piece) && !fixed(piece))
}

#[test]
fn every_credential_of_the_corpus_goes_and_what_is_around_stays() {
    let mut missed = Vec::new();
    let mut formats: BTreeMap<String, u64> = BTreeMap::new();
    for file in ["positives-tokens.txt", "positives-services.txt", "positives-places.txt", "positives-logs.txt"] {
        for line in templates(file) {
            let (name, template) = line.split_once(" | ").unwrap();
            *formats.entry(name.to_owned()).or_default() += 1;
            for round in 1..=ROUNDS {
                let marked = format!("before it\n{}\n\nafter it\n", Dice(0x9e37_79b9_7f4a_7c15 ^ round).fill(template));
                let (shown, counts) = BUILTIN.text(&marked.replace(['«', '»'], ""));
                let mut slowly = Vec::new();
                let mut stream = BUILTIN.stream();
                marked.replace(['«', '»'], "").bytes().for_each(|byte| stream.push(&[byte], &mut slowly));
                stream.finish(&mut slowly);
                assert_eq!(String::from_utf8_lossy(&slowly), shown, "byte by byte");
                let secrets = secrets(&marked);
                let left = secrets.iter().find_map(|secret| leak(secret, &shown, template));
                let kept = shown.starts_with("before it\n") && shown.ends_with("\nafter it\n");
                if secrets.is_empty() || left.is_some() || counts.is_empty() || !kept {
                    missed.push(format!("{name}: {marked:?} -> {shown:?}"));
                    break;
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(formats.len() >= 150, "{} kinds of credentials", formats.len());
}

#[test]
fn text_without_secrets_comes_out_as_it_went_in() {
    let mut changed = Vec::new();
    for template in ["negatives.txt", "negatives-logs.txt"].into_iter().flat_map(templates) {
        for round in 1..=ROUNDS {
            let text = format!("before it\n{}\n\nafter it\n", Dice(0x9e37_79b9_7f4a_7c15 ^ round).fill(&template));
            let (shown, counts) = BUILTIN.text(&text);
            if shown != text || !counts.is_empty() {
                changed.push(format!("{counts:?}: {text:?} -> {shown:?}"));
                break;
            }
        }
    }
    assert!(changed.is_empty(), "{} changed:\n{}", changed.len(), changed.join("\n"));
}
