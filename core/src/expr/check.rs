//! Types: a parsed expression becomes a program, or every reason why it does not.
//!
//! Owns names, operators and literals; functions are [`super::functions`]'s, lists [`super::lists`]'s. Invariant: a node
//! is added after its operands, so the last one added is the result.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};

use super::{Names, Problem, Size, Type, Unknown, parse::Parsed, place};
use crate::{
    limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX},
    policy::nearest,
    table::{CalculateRow, CompareRow, ExpressionRow, NodeRow, PartRow},
};

/// Values of a request that have a name of their own, in CEL's words as Envoy spells them.
const PARTS: [(&str, PartRow); 6] = [
    ("request.method", PartRow::Method),
    ("request.path", PartRow::Path),
    ("request.host", PartRow::Host),
    ("request.scheme", PartRow::Scheme),
    ("request.protocol", PartRow::Protocol),
    ("client.ip", PartRow::ClientIp),
];
/// Letters of what expressions call `geohash`: all, so that any prefix can be asked for.
const GEOHASH_PRECISION: u8 = 12;
/// Values of a request that are looked up by a name.
pub(super) const MAPS: [&str; 3] = ["request.headers", "request.query", "request.cookies"];

/// A value: its node and its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) node: u32,
    pub(super) kind: Type,
}

/// Turns a parsed expression into a program.
pub(super) fn check<N: Names>(
    text: &str,
    parsed: &Parsed,
    names: &mut N,
) -> Result<(ExpressionRow, Size), Vec<Problem>> {
    let mut checker = Checker {
        text,
        parsed,
        names,
        nodes: Vec::new(),
        depths: Vec::new(),
        foreign: 0,
        problems: Vec::new(),
    };
    let root = checker.value(&parsed.root);
    if let Some(Operand { kind, .. }) = root.filter(|root| root.kind != Type::Bool) {
        checker.problem(&parsed.root, format!("expected true or false, got {kind}"));
    }
    let size = Size {
        nodes: checker.nodes.len() + checker.foreign,
        depth: checker.depths.iter().copied().max().unwrap_or_default(),
    };
    if size.nodes > EXPRESSION_NODES_MAX || size.depth > EXPRESSION_DEPTH_MAX {
        let message = format!(
            "too costly: expected at most {EXPRESSION_NODES_MAX} values, {EXPRESSION_DEPTH_MAX} deep, with the segments it names"
        );
        checker.problem(&parsed.root, message);
    }
    let Checker { nodes, mut problems, .. } = checker;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    if problems.is_empty() && root.is_some() {
        return Ok((ExpressionRow { text: text.to_owned(), nodes }, size));
    }
    Err(problems)
}

/// A program while it grows.
pub(super) struct Checker<'a, N> {
    text: &'a str,
    parsed: &'a Parsed,
    pub(super) names: &'a mut N,
    nodes: Vec<NodeRow>,
    /// By node: how deep it is.
    depths: Vec<usize>,
    /// Nodes of the segments that are named.
    foreign: usize,
    problems: Vec<Problem>,
}

impl<N: Names> Checker<'_, N> {
    /// Notes what is wrong at a place; returns nothing, which is what stands for a wrong value.
    pub(super) fn problem(&mut self, at: &IdedExpr, message: impl Into<String>) -> Option<Operand> {
        let offset = self.parsed.source.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        let (line, column) = place(self.text, offset);
        self.problems.push(Problem { line, column, message: message.into(), unknown: None });
        None
    }

    /// Notes that a name means nothing, and which one was probably meant.
    pub(super) fn unknown_name(
        &mut self,
        at: &IdedExpr,
        unknown: Unknown,
        near: Option<&str>,
    ) -> Option<Operand> {
        let (what, name) = match &unknown {
            Unknown::Attribute(name) => ("attribute", name),
            Unknown::Segment(name) => ("segment", name),
        };
        let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        let told = self.problem(at, format!("unknown {what} {name:?}{hint}"));
        if let Some(problem) = self.problems.last_mut() {
            problem.unknown = Some(unknown);
        }
        told
    }

    /// Returns how many problems were found so far.
    pub(super) fn found(&self) -> usize {
        self.problems.len()
    }

    /// Adds a node whose operands are there.
    pub(super) fn push(
        &mut self,
        node: NodeRow,
        operands: &[Operand],
        kind: Type,
    ) -> Option<Operand> {
        let below = operands.iter().map(|operand| self.depths[operand.node as usize]).max();
        self.depths.push(below.unwrap_or_default() + 1);
        self.nodes.push(node);
        let node = u32::try_from(self.nodes.len() - 1).ok()?;
        Some(Operand { node, kind })
    }

    /// Adds the question for a segment.
    pub(super) fn push_segment(&mut self, segment: super::Segment) -> Option<Operand> {
        let operand = self.push(NodeRow::Segment(segment.row), &[], Type::Bool)?;
        self.depths[operand.node as usize] += segment.size.depth;
        self.foreign = self.foreign.saturating_add(segment.size.nodes);
        Some(operand)
    }

    pub(super) fn value(&mut self, expression: &IdedExpr) -> Option<Operand> {
        match &expression.expr {
            Expr::Literal(literal) => self.literal(expression, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(expression),
            Expr::Call(call) => self.call(expression, call),
            Expr::List(_) => {
                self.problem(expression, "a list can only stand behind `in`, as in x in [1, 2]")
            }
            Expr::Map(_) | Expr::Struct(_) => {
                self.problem(expression, "maps and structures are not supported")
            }
            Expr::Comprehension(_) => self.problem(expression, "loops are not supported"),
            Expr::Unspecified => self.problem(expression, "expected a value"),
        }
    }

    fn literal(&mut self, at: &IdedExpr, literal: &LiteralValue) -> Option<Operand> {
        let (node, kind) = match literal {
            LiteralValue::Boolean(value) => (NodeRow::Bool(**value), Type::Bool),
            LiteralValue::Int(value) => (NodeRow::Int(**value), Type::Int),
            LiteralValue::Double(value) => (NodeRow::Double(**value), Type::Double),
            LiteralValue::String(value) => (NodeRow::Text(value.inner().into()), Type::String),
            LiteralValue::UInt(value) => {
                let message = format!("unsigned numbers are not supported: write {}", **value);
                return self.problem(at, message);
            }
            LiteralValue::Bytes(_) => {
                return self.problem(at, "bytes are not supported: write text");
            }
            LiteralValue::Null => {
                return self.problem(
                    at,
                    "null is not supported: ask with has(…) whether a value is there",
                );
            }
        };
        self.push(node, &[], kind)
    }

    fn name(&mut self, at: &IdedExpr) -> Option<Operand> {
        let Some((root, name)) = qualified(at) else {
            return self.problem(at, "a value has no fields; only names such as user.id have dots");
        };
        if let Some((row, kind)) = self.names.attribute(&name) {
            return self.push(NodeRow::Attribute(row), &[], kind);
        }
        if let Some((_, part)) = PARTS.iter().find(|(known, _)| *known == name) {
            return self.push(NodeRow::Part(part.clone()), &[], Type::String);
        }
        if MAPS.contains(&name.as_str()) {
            return self.problem(root, format!("expected a name behind it, as in {name}[\"x\"]"));
        }
        if let Some(map) = MAPS.iter().find(|map| name.starts_with(&format!("{map}."))) {
            let field = &name[map.len() + 1..];
            return self.problem(root, format!("write {map}[{field:?}]"));
        }
        if name == "geohash" {
            let (position, precision) = (self.position(), GEOHASH_PRECISION);
            return self.push(
                NodeRow::Part(PartRow::Geohash { position, precision }),
                &[],
                Type::String,
            );
        }
        let parts = PARTS.iter().map(|(known, _)| *known).chain(["geohash"]);
        let known = self.names.attributes().into_iter().chain(parts);
        let near = nearest(&name, known).map(str::to_owned);
        self.unknown_name(root, Unknown::Attribute(name), near.as_deref())
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr) -> Option<Operand> {
        let compare = match call.func_name.as_str() {
            operators::EQUALS => Some(CompareRow::Equal),
            operators::NOT_EQUALS => Some(CompareRow::NotEqual),
            operators::LESS => Some(CompareRow::Less),
            operators::LESS_EQUALS => Some(CompareRow::LessOrEqual),
            operators::GREATER => Some(CompareRow::Greater),
            operators::GREATER_EQUALS => Some(CompareRow::GreaterOrEqual),
            _ => None,
        };
        let calculate = match call.func_name.as_str() {
            operators::ADD => Some(CalculateRow::Add),
            operators::SUBSTRACT => Some(CalculateRow::Subtract),
            operators::MULTIPLY => Some(CalculateRow::Multiply),
            operators::DIVIDE => Some(CalculateRow::Divide),
            operators::MODULO => Some(CalculateRow::Remainder),
            _ => None,
        };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (_, [a, b]) if let Some(compare) = compare => self.compare(at, compare, a, b),
            (_, [a, b]) if let Some(calculate) = calculate => self.calculate(at, calculate, a, b),
            (operators::LOGICAL_AND, [a, b]) => self.logical(NodeRow::And, a, b),
            (operators::LOGICAL_OR, [a, b]) => self.logical(NodeRow::Or, a, b),
            (operators::LOGICAL_NOT, [a]) => {
                let operand = self.wanted(a, Type::Bool)?;
                self.push(NodeRow::Not(operand.node), &[operand], Type::Bool)
            }
            (operators::NEGATE, [a]) => {
                let operand = self.value(a)?;
                if !operand.kind.is_number() {
                    return self.problem(a, format!("expected a number, got {}", operand.kind));
                }
                self.push(NodeRow::Negate(operand.node), &[operand], operand.kind)
            }
            (operators::CONDITIONAL, [condition, a, b]) => self.conditional(condition, a, b),
            (operators::INDEX, [map, key]) => self.lookup(map, key),
            (operators::IN, [value, list]) => self.contained(at, value, list),
            _ => self.function(at, call),
        }
    }

    fn logical(
        &mut self,
        node: fn(u32, u32) -> NodeRow,
        a: &IdedExpr,
        b: &IdedExpr,
    ) -> Option<Operand> {
        let (a, b) = (self.wanted(a, Type::Bool), self.wanted(b, Type::Bool));
        let (a, b) = (a?, b?);
        self.push(node(a.node, b.node), &[a, b], Type::Bool)
    }

    /// Checks a value that has to be of one type.
    pub(super) fn wanted(&mut self, expression: &IdedExpr, kind: Type) -> Option<Operand> {
        let operand = self.value(expression)?;
        if operand.kind != kind {
            return self.problem(expression, format!("expected {kind}, got {}", operand.kind));
        }
        Some(operand)
    }

    fn compare(
        &mut self,
        at: &IdedExpr,
        compare: CompareRow,
        a: &IdedExpr,
        b: &IdedExpr,
    ) -> Option<Operand> {
        let (a, b) = (self.value(a), self.value(b));
        let (a, b) = (a?, b?);
        if a.kind != b.kind && !(a.kind.is_number() && b.kind.is_number()) {
            return self.problem(at, format!("{} cannot be compared with {}", a.kind, b.kind));
        }
        let ordered = !matches!(compare, CompareRow::Equal | CompareRow::NotEqual);
        if ordered && a.kind == Type::Bool {
            return self.problem(at, "true and false have no order: expected == or !=");
        }
        self.push(NodeRow::Compare(compare, a.node, b.node), &[a, b], Type::Bool)
    }

    fn calculate(
        &mut self,
        at: &IdedExpr,
        calculate: CalculateRow,
        a: &IdedExpr,
        b: &IdedExpr,
    ) -> Option<Operand> {
        let (a, b) = (self.value(a), self.value(b));
        let (a, b) = (a?, b?);
        if !a.kind.is_number() || a.kind != b.kind {
            let hint = if a.kind.is_number() && b.kind.is_number() {
                "; write the integer as a double, such as 1.0"
            } else {
                ""
            };
            let message =
                format!("expected two numbers of one type, got {} and {}{hint}", a.kind, b.kind);
            return self.problem(at, message);
        }
        if calculate == CalculateRow::Remainder && a.kind == Type::Double {
            return self.problem(at, "% is for integers");
        }
        self.push(NodeRow::Calculate(calculate, a.node, b.node), &[a, b], a.kind)
    }

    fn conditional(&mut self, condition: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Option<Operand> {
        let condition = self.wanted(condition, Type::Bool);
        let first = self.value(a);
        let second = self.value(b);
        let (condition, first, second) = (condition?, first?, second?);
        if first.kind != second.kind {
            let message =
                format!("expected {} as before the colon, got {}", first.kind, second.kind);
            return self.problem(b, message);
        }
        let node = NodeRow::Choose(condition.node, first.node, second.node);
        self.push(node, &[condition, first, second], first.kind)
    }
}

/// Returns the first name and the whole one of `a.b.c`.
pub(super) fn qualified(expression: &IdedExpr) -> Option<(&IdedExpr, String)> {
    match &expression.expr {
        Expr::Ident(name) => Some((expression, name.clone())),
        Expr::Select(select) if !select.test => {
            let (root, name) = qualified(&select.operand)?;
            Some((root, format!("{name}.{}", select.field)))
        }
        _ => None,
    }
}
