//! What templates may know instead of asking the database: columns that are declared or inferred from a seed, and values
//! in committed files.

use super::{
    context::Context,
    failure::Failure,
    function::{Arguments, listed},
    relation::Relation,
    scope::KnownColumns,
};
use crate::{
    diagnostic::code::{AMBIGUOUS_RELATION, UNDEFINED_VALUE, UNKNOWN_COLUMNS, UNKNOWN_RELATION},
    name::NamePart,
};
use minijinja::{Error, State, Value};
use std::sync::Arc;

/// `columns('relation', except=[…])`: the names, in order.
pub(super) fn columns(
    state: &mut State<'_, '_>,
    context: &Arc<Context>,
    given: &Arguments<'_>,
) -> Result<Value, Error> {
    Ok(known(state, context, given)?.into_iter().map(|(name, _)| Value::from(name)).collect())
}

/// `column_types('relation', except=[…])`: types by name, in order.
pub(super) fn column_types(
    state: &mut State<'_, '_>,
    context: &Arc<Context>,
    given: &Arguments<'_>,
) -> Result<Value, Error> {
    Ok(Value::from_pairs(known(state, context, given)?.into_iter().map(|(name, kind)| (name, Value::from(kind)))))
}

/// `values('name')`: the list in `values/<name>.yml`.
pub(super) fn values(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(1, &[])?;
    let name = given.text(state, 0, "the name of a list")?;
    match context.scope.values.get(&name) {
        Some(Some(list)) => Ok(list.clone()),
        Some(None) => Err(Failure::new(UNDEFINED_VALUE, format!("the list `{name}` has no values yet"))
            .help(format!("fetch them: `suiro catalog values {name}`"))
            .into_error()),
        None => Err(Failure::new(UNDEFINED_VALUE, format!("there is no list `{name}`"))
            .suggest(&name, context.scope.values.keys().map(String::as_str))
            .help(format!("write `query: select …` into `values/{name}.yml` and run `suiro catalog values {name}`"))
            .into_error()),
    }
}

fn known(
    state: &mut State<'_, '_>,
    context: &Arc<Context>,
    given: &Arguments<'_>,
) -> Result<Vec<(String, String)>, Error> {
    given.at_most(2, &["except"])?;
    let (written, parts) = relation(state, given)?;
    let mut columns = match (context.scope.columns)(&parts, context.schema()) {
        KnownColumns::All(columns) => columns,
        KnownColumns::Unknown(kind) => {
            let message = format!("the columns of `{written}` are not known without asking the database");
            let help = match kind {
                "seed" => "the seed cannot be read; mend it first",
                _ => "declare every column of it with its `data_type` below `columns:` in a YAML file",
            };
            return Err(Failure::new(UNKNOWN_COLUMNS, message).help(help).into_error());
        }
        KnownColumns::NoSuchRelation(close) => {
            let failure = Failure::new(UNKNOWN_RELATION, format!("there is no model, seed or source `{written}`"));
            return Err(match close {
                Some(close) => failure.help(format!("did you mean `{close}`?")),
                None => failure.help("a table that something else fills is declared below `sources:`"),
            }
            .into_error());
        }
        KnownColumns::Ambiguous => {
            return Err(Failure::new(AMBIGUOUS_RELATION, format!("`{written}` has more than one meaning"))
                .help("write the schema in front of the name")
                .into_error());
        }
    };
    let dialect = context.scope.dialect;
    for except in texts(given, "except")? {
        let before = columns.len();
        columns.retain(|(name, _)| dialect.key(name) != dialect.key(&except));
        if columns.len() == before {
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let failure = Failure::new(UNDEFINED_VALUE, format!("`{written}` has no column `{except}` to leave out"));
            let failure = failure.suggest(&except, names.iter().copied());
            return Err(failure.note(format!("its columns are: {}", listed(&names))).into_error());
        }
    }
    Ok(columns)
}

/// The relation that is asked about, as it was written and as parts of a name.
fn relation(state: &State<'_, '_>, given: &Arguments<'_>) -> Result<(String, Vec<NamePart>), Error> {
    if let Some(relation) = given.get(0, "relation").and_then(|value| value.downcast_object::<Relation>()) {
        return Ok((relation.written().to_owned(), relation.parts().to_vec()));
    }
    let written = given.text(state, 0, "a relation")?;
    let parts = written.split('.').map(NamePart::quoted).collect();
    Ok((written, parts))
}

/// A list of texts, or one text.
fn texts(given: &Arguments<'_>, name: &str) -> Result<Vec<String>, Error> {
    let Some(value) = given.get(1, name).filter(|value| !value.is_none()) else { return Ok(Vec::new()) };
    if let Some(text) = value.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    let item = |item: Value| item.as_str().map(str::to_owned).ok_or_else(|| given.wrong("takes names in `except`"));
    value.try_iter().map_err(|_| given.wrong("takes a list of names in `except`"))?.map(item).collect()
}
