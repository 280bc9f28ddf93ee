//! JSONLogic as people write it: [`check_expression`] finds what is wrong with it, [`Expression`] evaluates it,
//! [`Template`] fills an item's values into a worker predicate, and [`WorkerIndex`] finds the workers for which the
//! rest is true. Only the operators of [`operator::OPERATORS`] exist; none reads a clock or draws a random number.

mod check;
mod column;
mod expression;
mod finding;
mod index;
pub mod operator;
mod template;
mod variable;

pub use check::{Place, check_expression};
pub use expression::{Expression, RuleError};
pub use finding::{Finding, Severity};
pub use index::WorkerIndex;
pub use template::Template;
pub(crate) use template::truth_form;
pub use variable::{Comparison, Variable, comparisons, variables};
pub(crate) use variable::{has_outer_root, is_worker_path};
