//! Each query with what is missing in it: `id` tells the rows of `orders` apart, `day` and `shop` together those of
//! `days`; nobody knows a key of `t`.

use super::{Dependent, Key, Lack, Unordered, find, keys_of};
use crate::{dialect::Dialect, parse::read_query};

fn keys(text: &str, byte: usize) -> Vec<Key> {
    let key = |names: &[&str]| Key { columns: names.iter().map(|name| (*name).to_owned()).collect(), minimal: true };
    match &text[byte..] {
        rest if rest.starts_with("orders") => vec![key(&["id"])],
        rest if rest.starts_with("days") => vec![key(&["day", "shop"])],
        _ => Vec::new(),
    }
}

fn found(sql: &str, dialect: Dialect) -> Vec<String> {
    let query = read_query(sql, dialect, None).unwrap_or_else(|problems| panic!("{sql}: {problems:?}"));
    let told = find(&query.syntax().unwrap(), dialect, &|byte| keys(sql, byte));
    let line = |one: &Unordered| {
        let what = match &one.what {
            Dependent::Limit => "limit".to_owned(),
            Dependent::DistinctOn => "distinct on".to_owned(),
            Dependent::Window(name) => format!("over {name}"),
            Dependent::Aggregate(name) => name.clone(),
        };
        let lack = match &one.lack {
            Lack::Everything => String::new(),
            Lack::Key(columns) => format!(" +{}", columns.join("+")),
        };
        format!("{what}{lack} @{}", &sql[one.range()])
    };
    told.iter().map(line).collect()
}

#[track_caller]
fn check(dialects: &[Dialect], cases: &[(&str, &[&str])]) {
    for (sql, wanted) in cases {
        for dialect in dialects {
            assert_eq!(found(sql, *dialect), *wanted, "{dialect:?}: {sql}");
        }
    }
}

const BOTH: &[Dialect] = &[Dialect::DuckDb, Dialect::Postgres];

#[test]
fn limit() {
    check(
        BOTH,
        &[
            ("select * from t limit 10", &["limit @10"]),
            ("select * from t offset 3", &["limit @3"]),
            ("select a from (select a from t limit 5) s order by a", &["limit @5"]),
            ("with x as (select a from t limit 7) select * from x", &["limit @7"]),
            ("select a from t union all select a from t limit 2", &["limit @2"]),
            ("select * from t order by a limit 10", &[]),
            ("select * from t limit 0", &[]),
            ("select * from t limit null", &[]),
            ("select count(*) from t limit 1", &[]),
            ("select 1 from t limit 1", &[]),
            ("select a from t where exists (select b from t limit 1)", &[]),
            ("select * from (values (1), (2)) v(a) limit 1", &[]),
            ("select * from generate_series(1, 10) g limit 3", &[]),
            ("select * from (select * from t order by a) s limit 3", &[]),
            ("with x as (select * from t order by a) select a from x limit 3", &[]),
            (
                "with x as (select * from t order by a) select a from (with x as (select a from t) select a from x limit 3) y",
                &["limit @3"],
            ),
            // The order is known not to be total.
            ("select * from orders order by day limit 10", &["limit +id @10"]),
            ("select * from orders order by day, id limit 10", &[]),
            ("select day, id as n from orders order by 1, 2 limit 10", &[]),
            ("select day, id as n from orders order by day, n limit 10", &[]),
            ("select * from orders o where o.id = 5 limit 1", &[]),
            ("select * from days order by day limit 10", &["limit +shop @10"]),
            ("select * from days where 'a' = shop order by day limit 10", &[]),
            ("select a, sum(b) as n from t group by a order by n desc limit 3", &["limit +a @3"]),
            ("select a, sum(b) as n from t group by 1 order by n desc, a limit 3", &[]),
            ("select distinct day from orders order by day limit 3", &[]),
            // Columns of a GROUP BY may follow from others.
            ("select a, b, sum(c) as n from t group by a, b order by n limit 3", &["limit +a+b @3"]),
            ("select a, b, sum(c) as n from t group by a, b order by n, a limit 3", &[]),
            ("select * from (select count(*) as n from t) x, (select sum(a) as m from t) y limit 3", &[]),
            ("select distinct a, b from t order by b, a limit 3", &[]),
            ("select * from orders join t on t.id = orders.id order by day limit 10", &[]),
        ],
    );
    check(&[Dialect::DuckDb], &[("from t limit 3", &["limit @3"]), ("from t order by all limit 3", &[])]);
}

#[test]
fn distinct_on() {
    check(
        BOTH,
        &[
            ("select distinct on (a) a, b from t", &["distinct on @select"]),
            ("select distinct on (a) a, b from t order by a", &["distinct on @select"]),
            ("select distinct on (a) a, b from t order by a, c", &[]),
            ("select distinct on (a) a from t", &[]),
            ("select distinct on (day) * from orders order by day, amount", &["distinct on +id @select"]),
            ("select distinct on (day) * from orders order by day, amount, id", &[]),
        ],
    );
}

#[test]
fn windows() {
    check(
        BOTH,
        &[
            ("select row_number() over () from t", &["over row_number @row_number"]),
            ("select row_number() over (partition by a) as n from t", &["over row_number @row_number"]),
            ("select row_number() over (partition by a order by a) from t", &["over row_number @row_number"]),
            ("select row_number() over (order by (select null)) from t", &["over row_number @row_number"]),
            ("select row_number() over (order by b) from t", &[]),
            ("select a from (select a, lag(b) over (partition by a) as n from t) s", &["over lag @lag"]),
            ("select first_value(a) over w from t window w as (partition by b)", &["over first_value @first_value"]),
            ("select first_value(b) over w from t window w as (partition by b)", &[]),
            ("select sum(a) over (partition by b) from t", &[]),
            ("select rank() over () from t", &[]),
            ("select sum(a) over (rows between 1 preceding and current row) from t", &["over sum @sum"]),
            ("select sum(a) over (rows between unbounded preceding and unbounded following) from t", &[]),
            ("select row_number() over () from (select * from t order by a) s", &[]),
            ("select row_number() over () from generate_series(1, 3) g", &[]),
            // Keys.
            (
                "select row_number() over (partition by customer order by day) from orders",
                &["over row_number +id @row_number"],
            ),
            ("select row_number() over (partition by customer order by day, id) from orders", &[]),
            ("select rank() over (partition by customer order by day) from orders", &[]),
            ("select lag(day) over (partition by customer order by day) from orders", &[]),
            ("select lag(amount) over (partition by customer order by day) from orders", &["over lag +id @lag"]),
            ("select sum(amount) over (order by day) from orders", &[]),
            ("select sum(amount) over (order by day rows unbounded preceding) from orders", &["over sum +id @sum"]),
            ("select row_number() over (partition by id) from orders", &[]),
            (
                "with o as (select id as n, day from orders where day > 3) select row_number() over (order by day) from o",
                &["over row_number +n @row_number"],
            ),
            ("with o as (select day from orders) select row_number() over (order by day) from o", &[]),
            (
                "with o as (select * from orders) select row_number() over (order by day) from o join t on o.id = t.id",
                &[],
            ),
            (
                "select a, row_number() over (order by count(*) desc) from t group by a",
                &["over row_number +a @row_number"],
            ),
            ("select a, row_number() over (order by count(*) desc, a) from t group by a", &[]),
            (
                "with g as (select a, b, max(c) as c from t group by a, b) select row_number() over (partition by a order by c) from g",
                &[],
            ),
            (
                "select row_number() over w from orders window v as (partition by customer), w as (v order by day)",
                &["over row_number +id @row_number"],
            ),
        ],
    );
}

#[test]
fn aggregates() {
    check(
        BOTH,
        &[
            ("select array_agg(a) from t", &["array_agg @array_agg"]),
            ("select b, string_agg(a, ',') from t group by b", &["string_agg @string_agg"]),
            ("select string_agg(a, ',' order by a) from t", &[]),
            ("select array_agg(a) over (partition by b) from t", &["over array_agg @array_agg"]),
            ("select array_agg(a) over (partition by b order by c) from t", &[]),
            ("select array_agg(a) from (select a from t order by a) s", &[]),
            ("select array_length(array_agg(a), 1) from t", &[]),
            ("select b from t group by b having 3 = any(array_agg(a))", &[]),
            ("select sum(a), min(a), count(*), avg(a) from t", &[]),
            ("select array_agg(x) from generate_series(1, 3) g(x)", &[]),
        ],
    );
    check(
        &[Dialect::DuckDb],
        &[
            ("select list(a) from t", &["list @list"]),
            ("select list_sort(list(a)), len(list(a)) from t", &[]),
            ("select list(distinct a) from t", &["list @list"]),
            ("select first(a), any_value(b) from t", &["first @first"]),
            ("select first(a order by b) from t", &[]),
        ],
    );
    check(
        &[Dialect::Postgres],
        &[
            ("select array_agg(distinct a) from t", &[]),
            ("select array(select a from t)", &["array @array"]),
            ("select array(select a from t order by a)", &[]),
            ("select jsonb_agg(t) from t", &["jsonb_agg @jsonb_agg"]),
        ],
    );
}

#[test]
fn keys_follow_the_text() {
    for (sql, wanted) in [
        ("select * from orders", vec![vec!["id"]]),
        ("select id as n, day from orders", vec![vec!["n"]]),
        ("select day from orders", vec![]),
        ("select a, b, count(*) from t group by 1, b", vec![vec!["a", "b"]]),
        ("select a, count(*) from t group by rollup (a)", vec![]),
        ("select distinct a, b as c from t", vec![vec!["a", "c"]]),
        ("select id, unnest(list) as x from orders", vec![]),
        ("select * from orders, t", vec![]),
        ("select * from orders union all select * from orders", vec![]),
        ("with a as (select * from orders) select id from a", vec![vec!["id"]]),
    ] {
        let query = read_query(sql, Dialect::Postgres, None).unwrap();
        let found = keys_of(&query.syntax().unwrap(), Dialect::Postgres, &|byte| keys(sql, byte));
        let found: Vec<Vec<String>> = found.into_iter().map(|key| key.columns.into_iter().collect()).collect();
        assert_eq!(found, wanted, "{sql}");
    }
}
