//! The closed table of operators, with the number of operands of each.

/// One operator.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    pub name: &'static str,
    pub operands_min: usize,
    pub operands_max: usize,
    /// Place of the operand that is evaluated once for each element of the first; names in it are relative to the
    /// element, but for those that begin with `item`, `worker` or `sys`.
    pub body: Option<usize>,
}

const MANY: usize = usize::MAX;

const fn operator(name: &'static str, operands_min: usize, operands_max: usize) -> Operator {
    Operator { name, operands_min, operands_max, body: None }
}

const fn over_elements(name: &'static str, operands_min: usize, operands_max: usize) -> Operator {
    Operator { name, operands_min, operands_max, body: Some(1) }
}

/// Every operator that an expression may use; jsonlogic.com documents the standard ones.
pub const OPERATORS: &[Operator] = &[
    operator("var", 1, 2),
    operator("missing", 1, MANY),
    operator("missing_some", 2, 2),
    operator("==", 2, 2),
    operator("===", 2, 2),
    operator("!=", 2, 2),
    operator("!==", 2, 2),
    operator(">", 2, 3),
    operator(">=", 2, 3),
    operator("<", 2, 3),
    operator("<=", 2, 3),
    operator("!", 1, 1),
    operator("!!", 1, 1),
    operator("and", 1, MANY),
    operator("or", 1, MANY),
    operator("if", 2, MANY),
    operator("?:", 3, 3),
    operator("+", 1, MANY),
    operator("-", 1, 2),
    operator("*", 1, MANY),
    operator("/", 2, 2),
    operator("%", 2, 2),
    operator("max", 1, MANY),
    operator("min", 1, MANY),
    operator("cat", 1, MANY),
    operator("substr", 2, 3),
    operator("in", 2, 2),
    operator("merge", 0, MANY),
    over_elements("filter", 2, 2),
    over_elements("map", 2, 2),
    over_elements("reduce", 3, 3),
    over_elements("all", 2, 2),
    over_elements("some", 2, 2),
    over_elements("none", 2, 2),
    operator("length", 1, 1),
    operator("starts_with", 2, 2),
    operator("ends_with", 2, 2),
    operator("upper", 1, 1),
    operator("lower", 1, 1),
    operator("trim", 1, 1),
];

pub fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.name == name)
}

/// The name that was probably meant, if one is near.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.map(|other| (distance(name, other), other));
    distances.filter(|(distance, _)| *distance <= 2).min().map(|(_, other)| other)
}

/// Edits that turn one text into the other (Levenshtein, 1966).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(crate::limit::NAME_CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, left) in from.chars().take(crate::limit::NAME_CHARS_MAX).enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (place, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = || ["item", "worker", "sys"].into_iter();
        assert_eq!(nearest("wroker", known()), Some("worker"));
        assert_eq!(nearest("itme", known()), Some("item"));
        assert_eq!(nearest("customer", known()), None);
    }
}
