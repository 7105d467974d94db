//! Makes projects of any number of models, layered as people layer them, the same for the same number every time.
//!
//! In: how many models. Out: the files of a project, the SQL that creates its source tables, and the models in an order
//! in which one script can create them. Never: suiro itself, which it is there to measure.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// Rows of each source table; joins are one to one, so no model has more.
const ROWS: usize = 100;
/// Models of one folder below a layer.
const FOLDER: usize = 100;

/// A layer of a project, which is a schema and a folder too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Reads one source.
    Staging,
    /// Joins staging models and earlier core models.
    Core,
    /// Sums up core models.
    Mart,
}

impl Layer {
    const fn schema(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Core => "core",
            Self::Mart => "mart",
        }
    }
}

/// A model, with its parents as indexes into [`Layout::models`].
#[derive(Debug, Clone)]
pub struct Model {
    layer: Layer,
    number: usize,
    parents: Vec<usize>,
    shape: u64,
}

impl Model {
    fn name(&self) -> String {
        format!("{}_{:05}", &self.layer.schema()[..4].trim_end_matches('_'), self.number)
    }

    /// `core.core_00012`.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.layer.schema(), self.name())
    }
}

/// What a project consists of.
#[derive(Debug)]
pub struct Layout {
    /// In an order in which they can be created.
    pub models: Vec<Model>,
    sources: usize,
}

impl Layout {
    /// A project of that many models: three in ten stage a source, five join, two sum up.
    pub fn of(count: usize) -> Self {
        let staging = (count * 3 / 10).max(1);
        let core = (count / 2).max(1);
        let mut random = Random(0x5EED_0F5A_1100);
        let mut models = Vec::with_capacity(count);
        for number in 0..count {
            let shape = random.next();
            let (layer, number, parents) = if number < staging {
                (Layer::Staging, number, Vec::new())
            } else if number < staging + core {
                let mine = number - staging;
                let mut parents = vec![random.below(staging), random.below(staging)];
                if mine > 0 && shape.is_multiple_of(2) {
                    // Half of the way back at most, so that chains grow with the logarithm of the number of models.
                    parents.push(staging + mine / 2 + random.below(mine - mine / 2));
                }
                (Layer::Core, mine, parents)
            } else {
                (Layer::Mart, number - staging - core, vec![staging + random.below(core), staging + random.below(core)])
            };
            let mut model = Model { layer, number, parents, shape };
            model.parents.sort_unstable();
            model.parents.dedup();
            models.push(model);
        }
        Self { models, sources: staging }
    }

    /// How many edges there are between models.
    pub fn edges(&self) -> usize {
        self.models.iter().map(|model| model.parents.len()).sum()
    }

    /// The SQL of a model. Parents of its own schema are named without the schema, as people do; `qualified` names all
    /// of them in full, for a script that has no notion of a model's own schema.
    pub fn sql(&self, model: &Model, qualified: bool) -> String {
        let name = |&parent: &usize| {
            let parent = &self.models[parent];
            if !qualified && parent.layer == model.layer { parent.name() } else { parent.qualified() }
        };
        let parents: Vec<String> = model.parents.iter().map(name).collect();
        match model.layer {
            Layer::Staging => staging(model.number, model.shape),
            Layer::Core => core(&parents, model.shape),
            Layer::Mart => mart(&parents, model.shape),
        }
    }

    /// Statements that create the source tables, on both engines.
    fn setup(&self) -> String {
        let mut sql = String::from("create schema landing;\n");
        for number in 0..self.sources {
            let _ = writeln!(
                sql,
                "create table landing.source_{number:05} as select cast(i as integer) as id, ' C' || \
                 cast(i % 37 as varchar) as code, cast(i * {} % 1000 as decimal(12, 2)) as amount, \
                 date '2025-01-01' + cast(i % 90 as integer) as happened_on, i % 7 <> 0 as is_active \
                 from generate_series(1, {ROWS}) as numbers(i);",
                number % 97 + 1
            );
        }
        sql
    }

    /// One script that creates what suiro creates.
    fn script(&self) -> String {
        let mut sql = String::from("create schema staging;\ncreate schema core;\ncreate schema mart;\n");
        for model in &self.models {
            let _ = writeln!(sql, "create table {} as\n{};", model.qualified(), self.sql(model, true).trim_end());
        }
        sql
    }

    /// Three tests for each model: what they say in YAML, and one script with the same queries.
    #[allow(dead_code, reason = "not every benchmark tests")]
    pub fn tests(&self) -> (String, String) {
        let (mut yaml, mut script) = (String::from("models:\n"), String::new());
        for model in &self.models {
            let name = model.qualified();
            let key = if model.layer == Layer::Mart { "entity_code" } else { "entity_id" };
            let (third, query) = match model.layer {
                Layer::Staging => (
                    "      - {name: is_active, tests: [{accepted_values: {values: [true, false]}}]}\n".to_owned(),
                    format!(
                        "select is_active as value_field, count(*) as n_records from {name} where is_active is not null \
                         and is_active not in ('true', 'false') group by is_active"
                    ),
                ),
                Layer::Core => {
                    let parent = self.models[model.parents[0]].qualified();
                    (
                        format!("          - relationships: {{to: {parent}, field: entity_id}}\n"),
                        format!(
                            "select child.from_field from (select entity_id as from_field from {name} where entity_id is \
                             not null) as child left join (select entity_id as to_field from {parent}) as parent on \
                             child.from_field = parent.to_field where parent.to_field is null"
                        ),
                    )
                }
                Layer::Mart => (
                    "      - {name: size_class, tests: [{accepted_values: {values: [large, middle, small]}}]}\n"
                        .to_owned(),
                    format!(
                        "select size_class as value_field, count(*) as n_records from {name} where size_class is not \
                         null and size_class not in ('large', 'middle', 'small') group by size_class"
                    ),
                ),
            };
            let _ = write!(
                yaml,
                "  - name: {}\n    columns:\n      - name: {key}\n        tests:\n          - unique\n          - \
                 not_null\n{third}",
                model.name()
            );
            let unique = format!(
                "select {key} as unique_field, count(*) as n_records from {name} where {key} is not null group by {key} \
                 having count(*) > 1"
            );
            for query in [unique, format!("select * from {name} where {key} is null"), query] {
                let _ = writeln!(script, "select count(*) as failures from ({query}) as failing;");
            }
        }
        (yaml, script)
    }

    /// Writes the project (`suiro.yml`, `models/…`, `models/sources.yml`), and beside it `setup.sql` and `script.sql`;
    /// returns the bytes of the models.
    pub fn write(&self, folder: &Path, configuration: &str) -> io::Result<usize> {
        fs::create_dir_all(folder.join("models"))?;
        fs::write(folder.join("suiro.yml"), configuration)?;
        fs::write(folder.join("setup.sql"), self.setup())?;
        fs::write(folder.join("script.sql"), self.script())?;
        let mut sources = String::from("sources:\n  - name: landing\n    tables:\n");
        for number in 0..self.sources {
            let _ = writeln!(sources, "      - {{name: source_{number:05}}}");
        }
        fs::write(folder.join("models/sources.yml"), sources)?;
        let mut bytes = 0;
        for model in &self.models {
            let path = folder.join(path(model));
            if model.number.is_multiple_of(FOLDER) {
                fs::create_dir_all(path.parent().unwrap_or(folder))?;
            }
            let sql = self.sql(model, false);
            bytes += sql.len();
            fs::write(path, sql)?;
        }
        Ok(bytes)
    }
}

/// `models/core/area_003/core_00312.sql`.
fn path(model: &Model) -> PathBuf {
    let area = model.number / FOLDER;
    format!("models/{}/area_{area:03}/{}.sql", model.layer.schema(), model.name()).into()
}

/// `suiro.yml` for both engines; `postgres` is the host, port and user of a server.
pub fn configuration(staging: &str, postgres: Option<(&str, u16, &str)>) -> String {
    let mut text = String::from(
        "name: bench\ntarget: local\ntargets:\n  local: {type: duckdb, path: bench.duckdb, schema: main, threads: 2}\n",
    );
    if let Some((host, port, user)) = postgres {
        let _ = writeln!(
            text,
            "  pg: {{type: postgres, host: {host}, port: {port}, user: {user}, dbname: bench, schema: public, threads: 2}}"
        );
    }
    let _ = write!(
        text,
        "models:\n  staging: {{schema: staging, materialized: {staging}}}\n  core: {{schema: core, materialized: table}}\n  \
         mart: {{schema: mart, materialized: table}}\n"
    );
    text
}

fn staging(source: usize, shape: u64) -> String {
    let keep = ["id is not null", "is_active", "amount >= 10", "code <> ''"][shape as usize % 4];
    format!(
        "with renamed as (
    select
        id as entity_id,
        lower(trim(code)) as entity_code,
        cast(amount as decimal(14, 2)) as gross_amount,
        happened_on,
        is_active
    from landing.source_{source:05}
    where {keep}
),

numbered as (
    select
        *,
        row_number() over (
            partition by entity_code, extract(month from happened_on)
            order by happened_on desc, entity_id
        ) as place
    from renamed
)

select entity_id, entity_code, gross_amount, happened_on, is_active
from numbered
where place = 1
"
    )
}

fn core(parents: &[String], shape: u64) -> String {
    let first = &parents[0];
    let last = &parents[parents.len() - 1];
    let join = ["left join", "join"][shape as usize / 8 % 2];
    let tax = shape % 9 + 1;
    let third = parents.get(1).filter(|_| parents.len() > 2).map_or_else(String::new, |middle| {
        format!("\n    and exists (select 1 from {middle} as other where other.entity_id = base.entity_id)")
    });
    format!(
        "with base as (
    select entity_id, entity_code, gross_amount, happened_on, is_active
    from {first}
    where gross_amount > 0
),

latest as (
    select entity_id, gross_amount, is_active
    from {last}
    where happened_on >= date '2025-01-15'
)

select
    base.entity_id,
    base.entity_code,
    cast(base.gross_amount + coalesce(latest.gross_amount, 0) * 0.0{tax} as decimal(14, 2)) as gross_amount,
    base.happened_on,
    base.is_active or coalesce(latest.is_active, false) as is_active
from base
{join} latest on latest.entity_id = base.entity_id
where base.entity_code is not null{third}
"
    )
}

fn mart(parents: &[String], shape: u64) -> String {
    let first = &parents[0];
    let last = &parents[parents.len() - 1];
    let bound = shape % 20;
    format!(
        "-- Sums by code, and the share of each in the whole.
with everything as (
    select entity_code, gross_amount, happened_on from {first} where is_active
    union all
    select entity_code, gross_amount, happened_on from {last}
),

summed as (
    select
        entity_code,
        count(*) as entries,
        sum(gross_amount) as total_amount,
        max(happened_on) as latest_on
    from everything
    group by entity_code
    having sum(gross_amount) > {bound}
)

select
    entity_code,
    entries,
    total_amount,
    latest_on,
    case when total_amount > 500 then 'large' when total_amount > 100 then 'middle' else 'small' end as size_class,
    rank() over (order by total_amount desc) as place
from summed
"
    )
}

/// A small generator of numbers that look random (Steele, Lea and Flood: `SplitMix64`), so that no dependency decides
/// what is measured.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
