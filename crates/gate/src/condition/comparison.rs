//! One comparison: `<subject> <operator> <operand>`, with `count` or `not` before the operator.

mod evaluate;

use super::{
    Measure, Operand, Operator, Subject, Term,
    leading_not::leading_not_message,
    measure::operator_error,
    operand::{OperandContext, parse_operands},
    operator, syntax,
};
use crate::{
    Message, Scope,
    reason_code::ReasonCode,
    template::{FactResolver, UnresolvedFact},
};

#[derive(Clone)]
pub struct Comparison {
    pub(super) text: String,
    pub(super) term: Term,
    pub(super) measure: Measure,
    pub(super) negated: bool,
    pub(super) operator: Operator,
    pub(super) operands: Vec<Operand>,
    pub(super) code: ReasonCode,
}

impl Comparison {
    pub(super) fn parse(text: &str, subjects: &[Subject], scope: &Scope) -> Result<Self, Message> {
        let (word, rest) = syntax::split_subject(text);
        if word == "not" || word.starts_with('!') && !word.starts_with("!=") {
            return Err(leading_not_message(word, rest, subjects));
        }
        let (term, mut measure) = Term::parse(word, subjects)?;
        let (mut symbol, mut rest) = syntax::split_word(rest);
        let mut tokens = vec![term.text.as_str()];
        if symbol == "count" {
            if measure == Measure::Version || !term.subject_type.is_countable() {
                return Err(format!(
                    "`{}` is {}, and `count` is for lists of JSON and for headers",
                    term.text, term.subject_type
                )
                .into());
            }
            measure = Measure::Count;
            tokens.push(symbol);
            (symbol, rest) = syntax::split_word(rest);
        }
        let negated = symbol == "not";
        if negated {
            tokens.push(symbol);
            (symbol, rest) = syntax::split_word(rest);
        }
        // People align conditions with extra spaces, which are dropped here. Text in quotation marks keeps its spaces.
        tokens.extend([symbol, rest].into_iter().filter(|word| !word.is_empty()));
        let text = tokens.join(" ");
        let operator = Operator::parse(symbol).ok_or_else(|| operator::unknown_operator_message(&text, symbol))?;
        let context = OperandContext { term: &term, measure, operator, subjects, scope, text: &text };
        let operands = Self::parse_operands(rest, negated, &context)
            .map_err(|why| why.map_text(|why| format!("`{text}`: {why}")))?;
        let code = term.code;
        Ok(Self { text, term, measure, negated, operator, operands, code })
    }

    fn parse_operands(rest: &str, negated: bool, context: &OperandContext<'_>) -> Result<Vec<Operand>, Message> {
        let OperandContext { term, measure, operator, text, .. } = context;
        if negated && !operator.allows_not() {
            return Err(operator::MISPLACED_NOT.into());
        }
        if let Some(why) = operator_error(*operator, term.subject_type, *measure) {
            return Err(format!("`{}` {why}", term.text).into());
        }
        match (operator, rest.is_empty()) {
            (Operator::Exists, true) => Ok(Vec::new()),
            (Operator::Exists, false) => Err(syntax::joined_conditions_hint(text, *operator)
                .map_or_else(|| "`exists` takes no value".into(), Message::from)),
            (_, true) => Err(format!("the value after `{}` is missing", operator.as_str()).into()),
            (_, false) => parse_operands(rest, context),
        }
    }

    /// The subjects on its right side.
    pub(super) fn operand_terms(&self) -> impl Iterator<Item = &Term> {
        self.operands.iter().filter_map(|operand| if let Operand::Subject(term) = operand { Some(term) } else { None })
    }

    pub(super) fn uses_subject(&self, subject: &str) -> bool {
        std::iter::once(&self.term).chain(self.operand_terms()).any(|term| term.belongs_to(subject))
    }

    /// Replaces its facts with their values. Also returns the values that a log may show.
    pub(super) fn bind(&self, known: &dyn FactResolver) -> Result<(Self, Vec<String>), UnresolvedFact> {
        let (mut operands, mut all_shown) = (Vec::new(), Vec::new());
        for operand in &self.operands {
            let (operand, shown) = operand.bind(known, self.operator)?;
            all_shown.extend(shown);
            operands.push(operand);
        }
        Ok((Self { operands, ..self.clone() }, all_shown))
    }
}
