//! `$'…'`: escapes of ANSI C to text.
//!
//! In: text that starts with `$'`. Out: what it stands for and how many bytes it took.

/// Decodes; the message says what is refused.
pub(super) fn decode(text: &str) -> Result<(String, usize), &'static str> {
    let mut out: Vec<u8> = Vec::new();
    let mut at = 2;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let mut characters = rest.chars();
        match characters.next() {
            None => return Err("`$'…'` is not closed"),
            Some('\'') => break,
            Some('\\') => {
                let escape = characters.as_str();
                let (bytes, length) = one(escape)?;
                out.extend(bytes);
                at += 1 + length;
            }
            Some(c) => {
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
                at += c.len_utf8();
            }
        }
    }
    let text = String::from_utf8(out).map_err(|_| "`$'…'` makes bytes that are not UTF-8; use `printf`")?;
    if text.contains('\0') {
        return Err("`$'…'` makes a NUL, which ends the text; leave it out");
    }
    Ok((text, at + 1))
}

/// One escape after its backslash: its bytes, and how many bytes of text it took.
fn one(escape: &str) -> Result<(Vec<u8>, usize), &'static str> {
    let first = escape.chars().next().ok_or("`$'…'` is not closed")?;
    let simple = match first {
        'a' => 7,
        'b' => 8,
        'e' | 'E' => 27,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '\\' | '\'' | '"' | '?' => u8::try_from(first).unwrap_or(b'?'),
        '0'..='7' => return Ok(number(escape, 0, 8, 3)),
        'x' => return Ok(number(escape, 1, 16, 2)),
        'u' => return character(escape, 4),
        'U' => return character(escape, 8),
        'c' => return Err("`\\c` in `$'…'` is refused; use `\\x`"),
        other => {
            let mut bytes = vec![b'\\'];
            bytes.extend(other.encode_utf8(&mut [0; 4]).bytes());
            return Ok((bytes, other.len_utf8()));
        }
    };
    Ok((vec![simple], 1))
}

/// Digits after `skip` bytes, at most `most` of them, as one byte; without a digit the escape stands for itself.
fn number(escape: &str, skip: usize, radix: u32, most: usize) -> (Vec<u8>, usize) {
    let digits = digits(escape, skip, radix, most);
    match u32::from_str_radix(digits, radix) {
        Ok(value) => (vec![value.to_le_bytes()[0]], skip + digits.len()),
        Err(_) => (vec![b'\\', b'x'], skip),
    }
}

/// `\u` and `\U`.
fn character(escape: &str, most: usize) -> Result<(Vec<u8>, usize), &'static str> {
    let digits = digits(escape, 1, 16, most);
    let value = u32::from_str_radix(digits, 16).map_err(|_| "`\\u` in `$'…'` needs hexadecimal digits")?;
    let c = char::from_u32(value).ok_or("`\\u` in `$'…'` names no character")?;
    Ok((c.to_string().into_bytes(), 1 + digits.len()))
}

fn digits(escape: &str, skip: usize, radix: u32, most: usize) -> &str {
    let rest = escape.get(skip..).unwrap_or_default();
    let length = rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    rest.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_decode_as_bash_does() {
        let cases = [
            ("newline and tab", r"$'a\n\tb'", Ok("a\n\tb")),
            ("octal, hexadecimal, Unicode", r"$'\101\x42\u0043'", Ok("ABC")),
            ("a quote does not end it when escaped", r"$'it\'s'x", Ok("it's")),
            ("an unknown escape stays", r"$'\q'", Ok(r"\q")),
            ("NUL would end the word early", r"$'ls\0x'", Err("`$'…'` makes a NUL, which ends the text; leave it out")),
            ("open", r"$'a", Err("`$'…'` is not closed")),
        ];
        for (why, text, want) in cases {
            let got = decode(text).map(|(decoded, _)| decoded);
            assert_eq!(got.as_deref(), want.as_ref().copied(), "{why}");
        }
    }
}
