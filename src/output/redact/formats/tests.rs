//! Every format finds what its own pattern can produce, however it is cut.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::super::redactor::Redactor;
use super::{Check, Format, all};

/// Formats of which chance spells nothing that makes sense, beside those with a second look; the corpus of realistic text
/// has cases of each.
const BY_CONTEXT: &[&str] = &[
    "private-key",
    "putty-private-key",
    "initial-password",
    "bundler-credential",
    "redis-acl-password",
    "password-hash",
    "quoted-password-hash",
    "seed-phrase",
    "private-key-lines",
    "ldap-hash",
    "vault-unseal-key",
    "kubeadm-token",
    "application-key",
    "login-token",
    "irc-oauth",
];

/// A small generator: the same values in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below.max(1) as u64).unwrap_or(0)
    }

    /// Writes some text that the pattern matches.
    fn sample(&mut self, hir: &Hir, out: &mut Vec<u8>) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
            HirKind::Class(Class::Bytes(class)) => {
                let bytes: Vec<u8> = class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect();
                let plain: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
                let pick = if plain.is_empty() { bytes } else { plain };
                out.extend(pick.get(self.roll(pick.len())));
            }
            HirKind::Class(Class::Unicode(class)) => {
                out.extend(class.ranges().first().map(|range| range.start() as u8))
            }
            HirKind::Repetition(repetition) => {
                let most = repetition.max.unwrap_or(repetition.min + 6).min(repetition.min + 6);
                let times = repetition.min as usize + self.roll((most - repetition.min) as usize + 1);
                (0..times).for_each(|_| self.sample(&repetition.sub, out));
            }
            HirKind::Capture(capture) => self.sample(&capture.sub, out),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.sample(part, out)),
            HirKind::Alternation(parts) => {
                if let Some(part) = parts.get(self.roll(parts.len())) {
                    self.sample(part, out);
                }
            }
        }
    }
}

fn sample(dice: &mut Dice, pattern: &str) -> String {
    let hir = ParserBuilder::new().unicode(false).utf8(false).multi_line(true).build().parse(pattern).unwrap();
    let mut out = Vec::new();
    dice.sample(&hir, &mut out);
    String::from_utf8(out).unwrap()
}

/// What stands before a secret of this format, and the secret.
fn example(format: &Format, dice: &mut Dice) -> (String, String) {
    let secret = sample(dice, format.secret);
    let Some(lead) = format.lead else {
        let begins = |secret: &String| format.literals.iter().any(|literal| secret.starts_with(literal));
        let found = (0..2000).map(|_| sample(dice, format.secret)).find(begins);
        // Chance does not spell a long literal: it takes the place of the first bytes.
        let literal = format.literals[dice.roll(format.literals.len())];
        let secret = found.unwrap_or_else(|| format!("{literal}{}", secret.get(14..).unwrap_or_default()));
        return (String::new(), secret);
    };
    let whole = regex::bytes::RegexBuilder::new(&format!("^(?:{lead})$")).unicode(false).build().unwrap();
    let literal = format.literals[dice.roll(format.literals.len())];
    for _ in 0..100 {
        // One of the literals begins it, in place of what chance has spelled there.
        let rest = sample(dice, lead);
        let spelled = (0..rest.len()).map(|cut| format!("{literal}{}", &rest[cut..]));
        if let Some(before) = spelled.chain([literal.to_owned()]).find(|lead| whole.is_match(lead.as_bytes())) {
            return (before, secret);
        }
    }
    panic!("{}: {literal} begins no lead", format.id);
}

#[test]
fn ids_are_unique_and_every_pattern_can_be_walked() {
    let mut ids = BTreeSet::new();
    for format in all() {
        assert!(ids.insert(format.id), "{} is there twice", format.id);
        assert!(format.source.starts_with("https://"), "{}", format.id);
        let rule = format.rule();
        assert!(rule.secret.is_sound() && rule.lead.as_ref().is_none_or(super::Pattern::is_sound), "{}", format.id);
    }
    assert!(ids.len() >= 100, "{} formats", ids.len());
}

#[test]
fn every_format_hides_all_of_what_it_describes() {
    let redactor = Arc::new(Redactor::builder().builtin(true).build().unwrap());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut missed = Vec::new();
    let alone = |format: &&Format| matches!(format.check, Check::None | Check::Form);
    for format in all().filter(alone).filter(|format| !BY_CONTEXT.contains(&format.id)) {
        for round in 0..8 {
            let (before, secret) = example(format, &mut dice);
            let hidden = &secret[..secret.len() - format.trail];
            let text = format!("some text, {before}{secret} and more\n");
            let (shown, counts) = redactor.text(&text);
            if shown.contains(hidden)
                || counts.is_empty()
                || !shown.contains("some text")
                || !shown.contains("and more")
            {
                missed.push(format!("{} {round}: {text:?} -> {shown:?}", format.id));
                break;
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
