//! Arithmetic over numbers and variables that hold numbers.
//!
//! In: an expression that `scan` found free of effects. Out: its value when all of it is known and the operators are the
//! plain ones, computed as bash does; nothing otherwise, which is a number that nobody knows.

use super::world::{Value, World};

/// The value of an expression.
pub(super) fn evaluate(expression: &str, world: &World) -> Option<i64> {
    let tokens = tokens(expression, world)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let value = parser.sum()?;
    (parser.at == tokens.len()).then_some(value)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Number(i64),
    Operator(char),
}

fn tokens(expression: &str, world: &World) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let taken = match first {
            '0'..='9' => {
                let plain = word.len() < 10 && (word == "0" || !word.starts_with('0'));
                tokens.push(Token::Number(plain.then(|| word.parse().ok()).flatten()?));
                word.len()
            }
            '$' | '{' | '}' => 1,
            '+' | '-' | '*' | '/' | '%' | '(' | ')' => {
                tokens.push(Token::Operator(first));
                1
            }
            _ => {
                let Value::Known(text) = world.value(&word) else { return None };
                tokens.push(Token::Number(text.parse().ok()?));
                word.len()
            }
        };
        rest = rest.get(taken..)?.trim_start();
    }
    Some(tokens)
}

/// Sums of products of signed numbers and parentheses.
struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn operator(&mut self, of: &[char]) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(c)) if of.contains(c) => {
                self.at += 1;
                Some(*c)
            }
            _ => None,
        }
    }

    fn sum(&mut self) -> Option<i64> {
        let mut value = self.product()?;
        while let Some(operator) = self.operator(&['+', '-']) {
            let right = self.product()?;
            value = if operator == '+' { value.checked_add(right)? } else { value.checked_sub(right)? };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.atom()?;
        while let Some(operator) = self.operator(&['*', '/', '%']) {
            let right = self.atom()?;
            value = match operator {
                '*' => value.checked_mul(right)?,
                '/' => value.checked_div(right)?,
                _ => value.checked_rem(right)?,
            };
        }
        Some(value)
    }

    fn atom(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > 32 {
            return None;
        }
        let value = if self.operator(&['-']).is_some() {
            self.atom()?.checked_neg()?
        } else if self.operator(&['(']).is_some() {
            let value = self.sum()?;
            self.operator(&[')'])?;
            value
        } else {
            let Some(Token::Number(value)) = self.tokens.get(self.at) else { return None };
            self.at += 1;
            *value
        };
        self.depth -= 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn values_are_those_of_bash() {
        let world = World::new(Arc::new(BTreeMap::from([("i".to_owned(), "4".to_owned())])));
        let cases = [
            ("1 + 2 * 3", Some(7)),
            ("(1 + 2) * 3", Some(9)),
            ("7 / 2 - 7 % 2", Some(2)),
            ("-3 + $i", Some(1)),
            ("${i} * i", Some(16)),
            ("2 ** 3", None),
            ("010", None),
            ("1 / 0", None),
        ];
        for (expression, want) in cases {
            assert_eq!(evaluate(expression, &world), want, "{expression}");
        }
    }
}
