//! Compound commands.
//!
//! In: compound commands of the parser. Out: ours, or a refusal by name.

use brush_parser::ast::{self, BinaryPredicate as Binary, CompoundCommand as Compound, UnaryPredicate as Unary};

use super::super::refusal::Refusal;
use super::super::tree::{Arm, List, Node, Test};
use super::Walker;
use crate::diag::Span;

impl Walker<'_, '_> {
    pub(super) fn compound(&mut self, command: &Compound) -> Result<Node, Refusal> {
        let (location, name) = match command {
            Compound::BraceGroup(group) => {
                let list = self.nested(self.span(Some(&group.loc)), &group.list)?;
                return Ok(Node::Group(list));
            }
            Compound::Subshell(subshell) => {
                return Ok(Node::Subshell(self.nested(self.span(Some(&subshell.loc)), &subshell.list)?));
            }
            Compound::IfClause(clause) => return self.conditional(clause),
            Compound::WhileClause(clause) => return self.repeat(false, clause),
            Compound::UntilClause(clause) => return self.repeat(true, clause),
            Compound::ForClause(clause) => return self.iterate(clause),
            Compound::CaseClause(clause) => return self.choose(clause),
            Compound::Arithmetic(command) => (&command.loc, "arithmetic command `((…))`"),
            Compound::ArithmeticForClause(command) => (&command.loc, "arithmetic `for ((…))`"),
            Compound::Coprocess(command) => (&command.loc, "`coproc`"),
        };
        let message = format!("{name} is refused; write it with plain commands");
        Err(Refusal::new("compound", self.span(Some(location)), message))
    }

    pub(super) fn nested(&mut self, span: Span, list: &ast::CompoundList) -> Result<List, Refusal> {
        self.lower.enter(span)?;
        let list = self.list(list)?;
        self.lower.leave();
        Ok(list)
    }

    fn conditional(&mut self, clause: &ast::IfClauseCommand) -> Result<Node, Refusal> {
        let span = self.span(Some(&clause.loc));
        let mut arms = vec![(self.nested(span, &clause.condition)?, self.nested(span, &clause.then)?)];
        let mut otherwise = None;
        for part in clause.elses.iter().flatten() {
            let body = self.nested(span, &part.body)?;
            match &part.condition {
                Some(condition) => arms.push((self.nested(span, condition)?, body)),
                None => otherwise = Some(body),
            }
        }
        Ok(Node::If { arms, otherwise })
    }

    fn repeat(&mut self, until: bool, clause: &ast::WhileOrUntilClauseCommand) -> Result<Node, Refusal> {
        let span = self.span(Some(&clause.2));
        let condition = self.nested(span, &clause.0)?;
        let body = self.nested(span, &clause.1.list)?;
        Ok(Node::Loop { until, condition, body })
    }

    fn iterate(&mut self, clause: &ast::ForClauseCommand) -> Result<Node, Refusal> {
        let span = self.span(Some(&clause.loc));
        let name = clause.variable_name.clone();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return Err(Refusal::new("for", span, "the variable of `for` needs a plain name"));
        }
        let Some(values) = &clause.values else {
            return Err(Refusal::new(
                "for",
                span,
                "`for` without `in` reads the script's arguments; write the words out",
            ));
        };
        let mut words = Vec::new();
        for value in values {
            words.extend(self.argument(value)?);
        }
        let body = self.nested(span, &clause.body.list)?;
        Ok(Node::For { name, span, words, body })
    }

    fn choose(&mut self, clause: &ast::CaseClauseCommand) -> Result<Node, Refusal> {
        let span = self.span(Some(&clause.loc));
        let word = self.single(&clause.value)?;
        let mut arms = Vec::new();
        for item in &clause.cases {
            if !matches!(item.post_action, ast::CaseItemPostAction::ExitCase) {
                return Err(Refusal::new("case", span, "`;&` and `;;&` are refused; end each arm with `;;`"));
            }
            let patterns = item.patterns.iter().map(|pattern| self.single(pattern)).collect::<Result<_, _>>()?;
            let body = item.cmd.as_ref().map(|list| self.nested(span, list)).transpose()?;
            arms.push(Arm { patterns, body });
        }
        Ok(Node::Case { word, arms })
    }

    /// An expression of `[[ ]]`.
    pub(super) fn test(&mut self, expression: &ast::ExtendedTestExpr) -> Result<Test, Refusal> {
        use ast::ExtendedTestExpr as Expr;
        self.lower.enter(self.span(None))?;
        let result = match expression {
            Expr::And(left, right) => Ok(Test::And(Box::new(self.test(left)?), Box::new(self.test(right)?))),
            Expr::Or(left, right) => Ok(Test::Or(Box::new(self.test(left)?), Box::new(self.test(right)?))),
            Expr::Not(inner) => Ok(Test::Not(Box::new(self.test(inner)?))),
            Expr::Parenthesized(inner) => Ok(Test::Parenthesized(Box::new(self.test(inner)?))),
            Expr::UnaryTest(predicate, word) => {
                let word = self.single(word)?;
                match unary(predicate) {
                    Some(operator) => Ok(Test::Unary(operator, word)),
                    None => Err(Refusal::new(
                        "test",
                        word.span,
                        "this operator of `[[ ]]` is refused; use a string or file test",
                    )),
                }
            }
            Expr::BinaryTest(predicate, left, right) => self.binary(predicate, left, right),
        };
        self.lower.leave();
        result
    }

    fn binary(&mut self, predicate: &Binary, left: &ast::Word, right: &ast::Word) -> Result<Test, Refusal> {
        let span = self.span(left.loc.as_ref());
        let Some((operator, right_is_pattern, numbers)) = binary(predicate) else {
            return Err(Refusal::new("test", span, "`=~` is refused; use `==` with a pattern, or `grep -q`"));
        };
        let (left, right) = (self.single(left)?, self.single(right)?);
        Ok(Test::Binary { operator, left, right, right_is_pattern, numbers })
    }
}

/// The operators that read no variable by name and no text as code.
fn unary(predicate: &Unary) -> Option<&'static str> {
    Some(match predicate {
        Unary::FileExists => "-e",
        Unary::FileExistsAndIsBlockSpecialFile => "-b",
        Unary::FileExistsAndIsCharSpecialFile => "-c",
        Unary::FileExistsAndIsDir => "-d",
        Unary::FileExistsAndIsRegularFile => "-f",
        Unary::FileExistsAndIsSetgid => "-g",
        Unary::FileExistsAndIsSymlink => "-L",
        Unary::FileExistsAndHasStickyBit => "-k",
        Unary::FileExistsAndIsFifo => "-p",
        Unary::FileExistsAndIsReadable => "-r",
        Unary::FileExistsAndIsNotZeroLength => "-s",
        Unary::FileExistsAndIsSetuid => "-u",
        Unary::FileExistsAndIsWritable => "-w",
        Unary::FileExistsAndIsExecutable => "-x",
        Unary::FileExistsAndIsSocket => "-S",
        Unary::StringHasZeroLength => "-z",
        Unary::StringHasNonZeroLength => "-n",
        _ => return None,
    })
}

/// Operator, whether the right side is a pattern, whether both sides are arithmetic.
fn binary(predicate: &Binary) -> Option<(&'static str, bool, bool)> {
    Some(match predicate {
        Binary::FilesReferToSameDeviceAndInodeNumbers => ("-ef", false, false),
        Binary::LeftFileIsNewerOrExistsWhenRightDoesNot => ("-nt", false, false),
        Binary::LeftFileIsOlderOrDoesNotExistWhenRightDoes => ("-ot", false, false),
        Binary::StringExactlyMatchesPattern | Binary::StringExactlyMatchesString => ("==", true, false),
        Binary::StringDoesNotExactlyMatchPattern | Binary::StringDoesNotExactlyMatchString => ("!=", true, false),
        Binary::LeftSortsBeforeRight => ("<", false, false),
        Binary::LeftSortsAfterRight => (">", false, false),
        Binary::ArithmeticEqualTo => ("-eq", false, true),
        Binary::ArithmeticNotEqualTo => ("-ne", false, true),
        Binary::ArithmeticLessThan => ("-lt", false, true),
        Binary::ArithmeticLessThanOrEqualTo => ("-le", false, true),
        Binary::ArithmeticGreaterThan => ("-gt", false, true),
        Binary::ArithmeticGreaterThanOrEqualTo => ("-ge", false, true),
        Binary::StringMatchesRegex | Binary::StringContainsSubstring => return None,
    })
}
