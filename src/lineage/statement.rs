//! What one statement reads and writes.

use super::script;
use crate::{
    dialect::Dialect,
    name::NamePart,
    parse::{
        outline::ItemKind,
        tree::{Walker, dotted},
    },
};
use sqlparser::{
    ast::{
        AlterTableOperation, CopyIntoSnowflakeKind, CopySource, CopyTarget, CreateTableLikeKind, Expr, FunctionArg,
        FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectType, RenameTableNameKind, Select, Statement,
        TableFactor, TableObject, Value, Visit, Visitor,
    },
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};
use std::{collections::BTreeSet, convert::Infallible, ops::ControlFlow};

/// What a statement does to tables.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// The tables it reads.
    pub inputs: BTreeSet<String>,
    /// The tables it writes.
    pub outputs: BTreeSet<String>,
    /// The tables it drops.
    pub dropped: BTreeSet<String>,
    /// The tables it renames, and their new names.
    pub renamed: Vec<(String, String)>,
}

/// T-SQL's hints, which stand like arguments after a table: `orders(NOLOCK)`.
const HINTS: [&str; 12] = [
    "holdlock",
    "nolock",
    "nowait",
    "paglock",
    "readcommitted",
    "readpast",
    "readuncommitted",
    "repeatableread",
    "rowlock",
    "serializable",
    "tablock",
    "updlock",
];

/// Whether a word in brackets after a table is one of T-SQL's hints.
pub(super) fn is_hint(word: &Ident) -> bool {
    HINTS.iter().any(|known| word.value.eq_ignore_ascii_case(known))
}

/// The effect of a statement.
pub(super) fn effect(statement: &Statement) -> Effect {
    // Caching keeps rows, it moves none.
    if matches!(statement, Statement::Cache { .. }) {
        return Effect::default();
    }
    let mut finder = Finder { effect: Effect::default(), targets: Vec::new() };
    let _: ControlFlow<Infallible> = statement.visit(&mut finder);
    let Finder { mut effect, targets } = finder;
    let mut walker = Walker::new(Dialect::Postgres);
    walker.walk(statement);
    // `UPDATE o SET … FROM orders AS o` writes what `o` stands for.
    let mut written_by_alias = BTreeSet::new();
    for target in targets {
        let aliased = walker.outline.items.iter().position(|item| {
            let alias = item.alias.as_ref().map(|(alias, _)| name_of(std::slice::from_ref(alias)));
            item.kind == ItemKind::Relation && alias.as_ref() == Some(&target)
        });
        let name = aliased.and_then(|index| walker.outline.items.get(index)).and_then(|item| item.name.as_ref());
        match (aliased, name) {
            (Some(index), Some(name)) => {
                written_by_alias.insert(index);
                effect.outputs.insert(name_of(&name.parts));
            }
            _ => {
                effect.outputs.insert(target);
            }
        }
    }
    for (index, item) in walker.outline.items.iter().enumerate() {
        if let Some(name) = item.name.as_ref().filter(|_| item.kind == ItemKind::Relation)
            && !written_by_alias.contains(&index)
            && !is_path(&name.parts)
        {
            effect.inputs.insert(name_of(&name.parts));
        }
    }
    effect
}

/// Whether the tokens are a statement that moves no rows from table to table, whatever else it says.
pub(super) fn moves_no_rows(tokens: &[TokenWithSpan]) -> bool {
    let mut words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    let Some(first) = words.next() else { return true };
    match first.keyword {
        Keyword::CREATE | Keyword::DROP | Keyword::ALTER => words.take(4).any(|word| word.keyword == Keyword::FUNCTION),
        Keyword::USE
        | Keyword::TRUNCATE
        | Keyword::REFRESH
        | Keyword::CACHE
        | Keyword::UNCACHE
        | Keyword::SHOW
        | Keyword::ADD
        | Keyword::DESC
        | Keyword::DESCRIBE
        | Keyword::SET
        | Keyword::ANALYZE
        | Keyword::DECLARE
        | Keyword::GRANT
        | Keyword::REVOKE
        | Keyword::DELETE
        | Keyword::MSCK => true,
        _ => false,
    }
}

/// A table's name with dots; what is not quoted in lower case.
pub(super) fn name_of(parts: &[NamePart]) -> String {
    let parts: Vec<String> =
        parts.iter().map(|part| if part.quoted { part.value.clone() } else { part.value.to_lowercase() }).collect();
    parts.join(".")
}

/// The name that the tokens of a dotted name spell.
pub(super) fn name_of_tokens(tokens: &[TokenWithSpan]) -> String {
    let parts: Vec<NamePart> = tokens
        .iter()
        .filter_map(|token| match &token.token {
            Token::Word(word) => Some(NamePart { value: word.value.clone(), quoted: word.quote_style.is_some() }),
            _ => None,
        })
        .collect();
    name_of(&parts)
}

fn name(name: &ObjectName) -> Option<String> {
    dotted(name).map(|dotted| name_of(&dotted.parts))
}

/// Spark: ``parquet.`folder/file` `` is a file.
pub(super) fn is_path(parts: &[NamePart]) -> bool {
    matches!(parts, [format, path] if !format.quoted && path.quoted && path.value.contains('/'))
}

/// What a statement names outside its queries.
struct Finder {
    effect: Effect,
    /// Tables that are written, which may be named by their alias.
    targets: Vec<String>,
}

impl Finder {
    fn writes(&mut self, table: &ObjectName) {
        self.effect.outputs.extend(name(table));
    }

    fn reads(&mut self, table: &ObjectName) {
        self.effect.inputs.extend(name(table));
    }

    fn updates(&mut self, factor: &TableFactor) {
        if let TableFactor::Table { name: table, .. } = factor {
            self.targets.extend(name(table));
        }
    }

    fn renames(&mut self, from: &ObjectName, to: &ObjectName) {
        self.effect.renamed.extend(name(from).zip(name(to)));
    }

    fn alters(&mut self, table: &ObjectName, operation: &AlterTableOperation) {
        match operation {
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(new) | RenameTableNameKind::To(new),
            } => self.renames(table, new),
            AlterTableOperation::SwapWith { table_name } => {
                self.writes(table);
                self.reads(table_name);
            }
            _ => {}
        }
    }

    /// Redshift: `UNLOAD ('select …')`.
    fn text(&mut self, query: &str) {
        let dialects: [&'static dyn sqlparser::dialect::Dialect; 1] = [&sqlparser::dialect::RedshiftSqlDialect {}];
        let pieces = script::read(query, &dialects).unwrap_or_default();
        for effect in script::effects(&pieces) {
            self.effect.inputs.extend(effect.inputs);
        }
    }
}

impl Visitor for Finder {
    type Break = Infallible;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Self::Break> {
        match statement {
            Statement::Insert(insert) => {
                if let TableObject::TableName(table) = &insert.table {
                    self.writes(table);
                }
            }
            Statement::CreateTable(create) => {
                self.writes(&create.name);
                if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &create.like
                {
                    self.reads(&like.name);
                }
                if let Some(clone) = &create.clone {
                    self.reads(clone);
                }
            }
            Statement::CreateView(create) => self.writes(&create.name),
            Statement::Update(update) => self.updates(&update.table.relation),
            Statement::Merge(merge) => self.updates(&merge.table),
            Statement::Copy { source: CopySource::Table { table_name, .. }, to, target, .. } => match (to, target) {
                (true, _) => self.reads(table_name),
                (false, CopyTarget::Stdout) => {}
                (false, _) => self.writes(table_name),
            },
            Statement::CopyIntoSnowflake { kind: CopyIntoSnowflakeKind::Table, into, .. } => self.writes(into),
            Statement::AlterTable(alter) => {
                for operation in &alter.operations {
                    self.alters(&alter.name, operation);
                }
            }
            Statement::RenameTable(renames) => {
                for rename in renames {
                    self.renames(&rename.old_name, &rename.new_name);
                }
            }
            Statement::Drop { object_type: ObjectType::Table | ObjectType::View, names, .. } => {
                self.effect.dropped.extend(names.iter().filter_map(name));
            }
            Statement::Unload { query_text: Some(text), query: None, .. } => self.text(text),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        for target in select.into.iter().flat_map(|into| &into.targets) {
            let idents = match target {
                Expr::Identifier(ident) => std::slice::from_ref(ident),
                Expr::CompoundIdentifier(idents) => idents.as_slice(),
                _ => continue,
            };
            self.writes(&ObjectName::from(idents.to_vec()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { name: table, args: Some(arguments), .. } = factor {
            let is_hint = |argument: &FunctionArg| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(hint))) => is_hint(hint),
                _ => false,
            };
            if !arguments.args.is_empty() && arguments.args.iter().all(is_hint) {
                self.reads(table);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        // Vertica: `swap_partitions_between_tables('staging', 'low', 'high', 'target')`
        if let Expr::Function(function) = expression
            && name(&function.name).is_some_and(|name| name == "swap_partitions_between_tables")
            && let FunctionArguments::List(list) = &function.args
        {
            let text = |argument: &FunctionArg| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => match &value.value {
                    Value::SingleQuotedString(text) => Some(text.to_lowercase()),
                    _ => None,
                },
                _ => None,
            };
            if let [from, _, _, to, ..] = list.args.as_slice() {
                self.effect.inputs.extend(text(from));
                self.effect.outputs.extend(text(to));
            }
        }
        ControlFlow::Continue(())
    }
}
