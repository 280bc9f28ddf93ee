//! Ways through a document: rules that no item can come to, steps that no item can come to, loops in which no time
//! passes, and places where an item runs out of steps. Everything here is a warning; each says what happens to items.

use super::program::{Action, Line, Op, Program};
use super::read::{Notes, constant};
use super::{Document, code};
use crate::rule::variables;

pub(super) fn check(document: &Document, notes: &mut Notes) {
    rules(document, notes);
    requests(document, notes);
    // Lines are missing for steps that could not be read, so that nothing can be said of the ways between the others.
    if notes.has_errors() {
        return;
    }
    for program in document.rules.iter().map(|rule| &rule.program).chain(&document.default) {
        Ways::of(program).report(notes);
    }
}

/// Tells of readings of `sys.request` that always find nothing: it starts anew with each run through the workflow.
fn requests(document: &Document, notes: &mut Notes) {
    let asks = |program: &Program| program.lines.iter().any(|line| matches!(line.op, Op::Step(Action::Request(_))));
    let programs = document.rules.iter().map(|rule| &rule.program).chain(&document.default);
    let asking: Vec<String> = programs.filter(|program| asks(program)).map(|it| format!("{}/", it.pointer)).collect();
    let in_vain = notes.sites.iter().flat_map(|site| {
        let of_rule = site.pointer.strip_prefix("/rules/").is_some_and(|rest| rest.split('/').nth(1) == Some("when"));
        let made = !of_rule && asking.iter().any(|program| site.pointer.starts_with(program.as_str()));
        variables(&site.value, &site.pointer).into_iter().filter(move |_| !made)
    });
    let in_vain = in_vain.filter(|variable| variable.path.starts_with("sys.request.") && !variable.of_element);
    for variable in in_vain.collect::<Vec<_>>() {
        let message = format!(
            "`{}` tells of a `request` step of the same rule, and none comes before this: it is always nothing",
            variable.path
        );
        notes.add(code::REQUEST_NEVER_MADE, variable.pointer, message);
    }
}

fn rules(document: &Document, notes: &mut Notes) {
    let mut takes_all: Option<&str> = None;
    for (place, rule) in document.rules.iter().enumerate() {
        let pointer = &rule.program.pointer;
        let twin = document.rules[..place].iter().find(|above| above.when == rule.when);
        if let Some(above) = takes_all {
            let message = format!("no item comes here: rule `{above}` above takes every item; move it down");
            notes.add(code::UNREACHABLE_RULE, pointer, message);
        } else if constant(&rule.when) == Some(false) {
            let message =
                "this condition is false for every item, so the rule is never used; correct it or take it out";
            notes.add(code::RULE_NEVER_MATCHES, format!("{pointer}/when"), message);
        } else if let Some(above) = twin {
            let message = format!("no item comes here: rule `{}` above has the same condition", above.name);
            notes.add(code::UNREACHABLE_RULE, pointer, message);
        } else if constant(&rule.when) == Some(true) {
            takes_all = Some(&rule.name);
        }
    }
    match (&document.default, takes_all) {
        (Some(_), Some(above)) => {
            let message = format!("no item comes to the default: rule `{above}` takes every item");
            notes.add(code::UNREACHABLE_RULE, "/default", message);
        }
        (None, None) if !document.rules.is_empty() => {
            let message = "items that no rule matches are canceled with the reason `no_rule_matched`; add a `default`";
            notes.add(code::NO_DEFAULT, "", message);
        }
        (Some(_), None) | (None, _) => {}
    }
}

/// The ways of one program, by line.
struct Ways<'p> {
    program: &'p Program,
    /// For each line, whether a `goto` there may be taken often enough to be passed over at last.
    passes: Vec<bool>,
    reached: Vec<bool>,
    /// For each line that is an arm, the truth of its condition if that is the same for every item.
    constants: Vec<Option<bool>>,
}

impl<'p> Ways<'p> {
    fn of(program: &'p Program) -> Self {
        let lines = program.lines.len();
        let truth = |line: &Line| match &line.op {
            Op::Unless { when, .. } => constant(when),
            Op::Step(_) | Op::Jump { .. } => None,
        };
        let constants = program.lines.iter().map(truth).collect();
        let mut ways = Self { program, passes: vec![false; lines], reached: Vec::new(), constants };
        // A goto is passed over once its count is used up, and only a loop can use it up: each loop found may open
        // further ways, until nothing changes. Every round opens at least one, so it ends.
        loop {
            let opened: Vec<usize> =
                (0..lines).filter(|line| !ways.passes[*line] && ways.returns(*line, false)).collect();
            if opened.is_empty() {
                break;
            }
            for line in opened {
                ways.passes[line] = true;
            }
        }
        ways.reached = ways.from(0, false);
        ways
    }

    /// Whether a goto's way leads back to it; with `at_once`, without a step in which time passes.
    fn returns(&self, line: usize, at_once: bool) -> bool {
        match self.program.lines[line].op {
            Op::Step(Action::Goto { to, .. }) => self.from(to as usize, at_once).get(line) == Some(&true),
            Op::Step(_) | Op::Unless { .. } | Op::Jump { .. } => false,
        }
    }

    /// Lines that can be reached from one; with `at_once`, without passing a step in which time passes. The last entry
    /// is the program's end.
    fn from(&self, start: usize, at_once: bool) -> Vec<bool> {
        let lines = &self.program.lines;
        let mut reached = vec![false; lines.len() + 1];
        let mut open = vec![start];
        while let Some(line) = open.pop() {
            let Some(seen) = reached.get_mut(line).filter(|seen| !**seen) else { continue };
            *seen = true;
            let Some(here) = lines.get(line) else { continue };
            if !(at_once && takes_time(here)) {
                open.extend(self.next(line, here));
            }
        }
        reached
    }

    fn next(&self, line: usize, here: &Line) -> Vec<usize> {
        let on = line + 1;
        match &here.op {
            Op::Jump { to } => vec![*to as usize],
            Op::Unless { to, .. } => match self.constants[line] {
                Some(true) => vec![on],
                Some(false) => vec![*to as usize],
                None => vec![on, *to as usize],
            },
            Op::Step(Action::Set(_) | Action::Wait(_) | Action::Request(_)) => vec![on],
            Op::Step(Action::Finish { .. }) => Vec::new(),
            Op::Step(Action::Goto { to, .. }) if self.passes[line] => vec![*to as usize, on],
            Op::Step(Action::Goto { to, .. }) => vec![*to as usize],
            Op::Step(Action::Route(route)) => {
                let skipped = route.skip_if.as_ref().is_some_and(|skip_if| constant(skip_if) != Some(false));
                let ends = route.timeout_s.is_some() || route.known_worker_only || skipped;
                if ends { vec![on] } else { Vec::new() }
            }
        }
    }

    fn report(&self, notes: &mut Notes) {
        for (line, here) in self.program.lines.iter().enumerate() {
            if !self.reached[line] {
                self.report_unreached(line, here, notes);
                continue;
            }
            match &here.op {
                Op::Step(action) => self.report_step(line, here, action, notes),
                Op::Unless { to, .. } => {
                    if self.constants[line] == Some(false) {
                        report_never(here, notes);
                    }
                    if self.leads_to_end(*to as usize) && self.constants[line] != Some(true) {
                        let message = "when no arm of this branch is taken no step is left, and the item is canceled with \
                                       the reason `workflow_exhausted`; add a route or a finish after it";
                        notes.add(code::STEPS_RUN_OUT, branch_of(&here.pointer), message);
                    }
                }
                Op::Jump { .. } => {}
            }
        }
    }

    fn report_step(&self, line: usize, here: &Line, action: &Action, notes: &mut Notes) {
        if let Action::Goto { .. } = action
            && self.returns(line, true)
        {
            let message = "this goes round without a route or a wait between: the item takes all rounds at one moment, \
                           and is canceled when they are too many; put a `wait` into the loop";
            notes.add(code::LOOP_NEVER_WAITS, &*here.pointer, message);
        }
        // The ways that lead on, but for a goto's jump, which is told at the step that it leads to.
        let onward = self.next(line, here).contains(&(line + 1)) && self.leads_to_end(line + 1);
        if !onward {
            return;
        }
        match action {
            Action::Route(route) if route.timeout_s.is_some() => {
                let message = "when nobody accepts in time no step is left, and the item is canceled with the reason \
                               `workflow_exhausted`; take `timeout_s` out or add a step";
                notes.add(code::LAST_ROUTE_TIMES_OUT, format!("{}/route/timeout_s", here.pointer), message);
            }
            Action::Route(_) => {
                let message = "when this step is skipped no step is left, and the item is canceled with the reason \
                               `workflow_exhausted`; add a step";
                notes.add(code::STEPS_RUN_OUT, &*here.pointer, message);
            }
            Action::Set(_) | Action::Wait(_) | Action::Request(_) | Action::Goto { .. } | Action::Finish { .. } => {
                let message = "after this step none is left, and the item is canceled with the reason \
                               `workflow_exhausted`; add a route or a finish";
                notes.add(code::STEPS_RUN_OUT, &*here.pointer, message);
            }
        }
    }

    /// Whether a line is the end, or jumps lead from it there.
    fn leads_to_end(&self, line: usize) -> bool {
        match self.program.lines.get(line).map(|line| &line.op) {
            None => true,
            // Jumps lead out of arms and so forward only.
            Some(Op::Jump { to }) => self.leads_to_end(*to as usize),
            Some(Op::Step(_) | Op::Unless { .. }) => false,
        }
    }

    /// Tells of the first of several steps that cannot be reached, with what stands before them.
    fn report_unreached(&self, line: usize, here: &Line, notes: &mut Notes) {
        let before = line.checked_sub(1).and_then(|before| self.program.lines.get(before));
        let told = line > 0 && !self.reached[line - 1] && !matches!(before.map(|line| &line.op), Some(Op::Jump { .. }));
        if told || matches!(here.op, Op::Jump { .. }) {
            return;
        }
        let why = match before.map(|before| &before.op) {
            Some(Op::Step(Action::Finish { .. })) => "the step before it ends the item",
            Some(Op::Step(Action::Goto { .. })) => "the step before it always goes elsewhere",
            Some(Op::Step(Action::Route(_))) => "the route before it waits without end; give that one a `timeout_s`",
            // The arm's condition has been told of.
            Some(Op::Unless { .. }) => return,
            Some(Op::Step(_) | Op::Jump { .. }) | None => "no way leads to it",
        };
        notes.add(code::UNREACHABLE_STEP, &*here.pointer, format!("no item comes to this step: {why}"));
    }
}

fn takes_time(line: &Line) -> bool {
    matches!(line.op, Op::Step(Action::Route(_) | Action::Wait(_) | Action::Request(_)))
}

fn report_never(here: &Line, notes: &mut Notes) {
    let message = "this condition is false for every item, so the arm is never taken; correct it or take it out";
    notes.add(code::CONSTANT_CONDITION, format!("{}/when", here.pointer), message);
}

/// The pointer of the branch that an arm belongs to.
fn branch_of(arm: &str) -> &str {
    let branch = arm.rsplit_once('/').map_or(arm, |(branch, _)| branch);
    branch.rsplit_once('/').map_or(branch, |(step, _)| step)
}
