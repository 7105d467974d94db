//! How what was built takes the place of what is live: decided in the plan, and again when it is published.
//!
//! In: what the database has, what each node becomes, and, once they are built, the columns. Out: a [`Recipe`] for each
//! node. Never: a statement.
//!
//! A swap is the ordinary way: nobody waits, whatever the size. What hangs on the old table is given to the new one. Where
//! that cannot be done, because something is bound to the old table that only its owner may bind again, or nobody can,
//! the rows are changed where they are; and where that would break something, too, nothing is changed at all.

use super::{
    blocker::{Blocker, Refusal, refused},
    is_ours,
    shape::{Shape, is_prefix},
};
use crate::{
    dialect::Dialect,
    engine::{Dependent, DependentKind, Fitting, Key, LiveCatalog, LiveColumn, LiveRelation, RelationKind},
    manifest::{ConstraintKind, Manifest, Node, NodeId},
    name::RelationName,
};
use std::collections::BTreeMap;

/// What a node becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becoming {
    /// A table.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// The table that it is, with more rows.
    Added,
}

/// How a node takes the place of what is live.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe {
    /// Nothing is in its place.
    MoveIn,
    /// The live relation moves out, the staged one moves in.
    Swap,
    /// Rows are added to the live table.
    Add,
    /// The rows of the live table are made those of the staged one.
    InPlace(InPlace),
    /// The live view gets another text.
    ReplaceView,
    /// The live relation moves out, and a view is made.
    Recreate,
    /// The live materialized view computes its rows again.
    Refresh(Vec<String>),
    /// Nothing is done.
    Refused(Box<Refusal>),
}

/// How rows are changed where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPlace {
    /// What tells rows apart; without, all of them are written again.
    pub key: Option<Key>,
    /// What becomes of the columns; nothing as long as the new ones are not known.
    pub shape: Option<Shape>,
    /// Why the table is not swapped, for people.
    pub why: Vec<String>,
}

impl Recipe {
    /// Its word in machine output.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::MoveIn => "move_in",
            Self::Swap => "swap",
            Self::Add => "add",
            Self::InPlace(_) => "in_place",
            Self::ReplaceView => "replace_view",
            Self::Recreate => "recreate",
            Self::Refresh(_) => "refresh",
            Self::Refused(_) => "refused",
        }
    }

    /// Why it is not the ordinary one, for people.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::InPlace(InPlace { key, why, .. }) => {
                let by = key.as_ref().map_or_else(
                    || "all rows are written again".to_owned(),
                    |key| ["rows are told apart by `", &key.columns.join("`, `"), "`"].concat(),
                );
                Some(["published in place (", &by, "): ", &why.join(", ")].concat())
            }
            Self::Refresh(why) => Some(["published by a refresh: ", &why.join(", ")].concat()),
            _ => None,
        }
    }

    /// Whether the live relation goes away.
    #[must_use]
    pub const fn makes_room(&self) -> bool {
        matches!(self, Self::Swap | Self::Recreate)
    }
}

/// What the decision is made from.
pub struct Question<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// What the database has.
    pub live: &'a LiveCatalog,
    /// What appears together.
    pub becoming: &'a BTreeMap<NodeId, Becoming>,
    /// The columns of live relations and of what is staged; none are known before anything is built.
    pub columns: &'a BTreeMap<RelationName, Vec<LiveColumn>>,
    /// Where each node stands staged, if it does.
    pub staged: &'a BTreeMap<NodeId, RelationName>,
}

type Recipes = BTreeMap<NodeId, Recipe>;

/// The recipe of each node.
#[must_use]
pub fn recipes(question: &Question<'_>) -> Recipes {
    let mut recipes: Recipes = question.becoming.keys().map(|id| (*id, question.ordinary(*id))).collect();
    // What one relation cannot do may be what another one relied on, so this goes on until nothing changes. It ends,
    // for a recipe only ever becomes a lesser one.
    loop {
        let lesser: Vec<(NodeId, Recipe)> = recipes
            .iter()
            .filter_map(|(id, recipe)| Some((*id, question.lesser(*id, recipe, &recipes)?)))
            .filter(|(id, recipe)| recipes.get(id) != Some(recipe))
            .collect();
        if lesser.is_empty() {
            break;
        }
        recipes.extend(lesser);
    }
    let refused: Vec<(NodeId, Recipe)> = recipes
        .iter()
        .filter_map(|(id, recipe)| Some((*id, question.refused_for_columns(*id, recipe, &recipes)?)))
        .collect();
    recipes.extend(refused);
    recipes
}

impl<'a> Question<'a> {
    fn node(&self, id: NodeId) -> Option<(&'a Node, &'a RelationName, &'a LiveRelation)> {
        let node = self.manifest.node(id);
        let relation = node.relation.as_ref()?;
        Some((node, relation, self.live.relations.get(relation)?))
    }

    /// The recipe of a node on whose live relation nothing hangs.
    fn ordinary(&self, id: NodeId) -> Recipe {
        let Some((_, relation, live)) = self.node(id) else { return Recipe::MoveIn };
        match (self.becoming.get(&id), live.kind) {
            (Some(Becoming::Added), _) => Recipe::Add,
            (Some(Becoming::Table), RelationKind::Table)
            | (Some(Becoming::MaterializedView), RelationKind::MaterializedView) => Recipe::Swap,
            (Some(Becoming::View), RelationKind::View) => match (self.columns.get(relation), self.new_columns(id)) {
                (Some(old), Some(new)) if self.manifest.dialect == Dialect::Postgres && !is_prefix(old, new) => {
                    Recipe::Recreate
                }
                _ => Recipe::ReplaceView,
            },
            _ => Recipe::Recreate,
        }
    }

    fn new_columns(&self, id: NodeId) -> Option<&'a Vec<LiveColumn>> {
        self.columns.get(self.staged.get(&id)?)
    }

    /// What becomes of a recipe where something hangs on the live relation that would not come along.
    fn lesser(&self, id: NodeId, recipe: &Recipe, recipes: &Recipes) -> Option<Recipe> {
        let (node, relation, live) = self.node(id)?;
        if !recipe.makes_room() {
            return None;
        }
        let mut blockers = self.blockers(id, recipes);
        let changes_kind = *recipe == Recipe::Recreate && live.kind == RelationKind::Table;
        if *recipe == Recipe::Swap {
            blockers.extend(self.fixed(id, relation));
        }
        if changes_kind {
            blockers.extend(self.attached(node, relation));
        }
        if blockers.is_empty() {
            return None;
        }
        let fitting = self.live.fittings.get(relation);
        let why = || blockers.iter().map(Blocker::reason).collect();
        let postgres = self.manifest.dialect == Dialect::Postgres;
        match (recipe, live.kind) {
            (Recipe::Swap, RelationKind::Table) if postgres && self.has_the_same_parts(node, relation) => {
                match fitting.map(|fitting| fitting.frozen.as_slice()) {
                    Some(frozen) if !frozen.is_empty() => {
                        let frozen = frozen.iter().map(|why| Blocker::of_table(why.clone()));
                        let blockers: Vec<Blocker> = blockers.into_iter().chain(frozen).collect();
                        Some(Recipe::Refused(Box::new(refused(node, relation, &blockers))))
                    }
                    _ => {
                        let shape = self.shape(id, relation);
                        let key = self.key(node, relation, fitting, shape.as_ref());
                        Some(Recipe::InPlace(InPlace { key, shape, why: why() }))
                    }
                }
            }
            (Recipe::Swap, RelationKind::MaterializedView) if fitting.is_some_and(|found| !found.keys.is_empty()) => {
                Some(Recipe::Refresh(why()))
            }
            _ => Some(Recipe::Refused(Box::new(refused(node, relation, &blockers)))),
        }
    }

    /// What hangs on a live relation and would not come along if another took its place.
    fn blockers(&self, id: NodeId, recipes: &Recipes) -> Vec<Blocker> {
        let Some((node, relation, _)) = self.node(id) else { return Vec::new() };
        self.dependents(relation)
            .filter(|found| !self.comes_along(found, recipes) && !super::obstacle::is_made_by_hook(node, found))
            .map(Blocker::of)
            .collect()
    }

    fn dependents(&self, relation: &RelationName) -> impl Iterator<Item = &'a Dependent> + use<'a, '_> {
        let start = self.live.dependents.partition_point(|found| found.on < *relation);
        let relation = relation.clone();
        self.live.dependents.iter().skip(start).take_while(move |found| found.on == relation)
    }

    /// What a table in its place could not be given; what a hook of the node makes is there already.
    fn fixed(&self, id: NodeId, relation: &RelationName) -> Vec<Blocker> {
        let of = |relation: &RelationName| self.live.fittings.get(relation).map_or(&[][..], |found| &found.fixed);
        let node = self.manifest.node(id);
        let staged = self.staged.get(&id).map_or(&[][..], of);
        let hooked = self.staged.is_empty() && node.properties.has_hooks();
        let there =
            |columns: &Vec<String>| hooked || staged.iter().any(|(_, other)| !columns.is_empty() && other == columns);
        let found = of(relation).iter().filter(|(_, columns)| !there(columns));
        found.map(|(what, _)| Blocker::of_table(["it has ", what].concat())).collect()
    }

    /// What belongs to a table and has no place on a view.
    fn attached(&self, node: &Node, relation: &RelationName) -> Vec<Blocker> {
        let kinds = [DependentKind::Policy, DependentKind::Trigger, DependentKind::Rule];
        let found = self.dependents(relation).filter(|found| found.attached && kinds.contains(&found.kind));
        found.filter(|found| !super::obstacle::is_made_by_hook(node, found)).map(Blocker::of).collect()
    }

    /// Whether a dependent comes along when its relation is replaced: it is given to the new one, made again by this
    /// run, or a text that can be said again.
    fn comes_along(&self, found: &Dependent, recipes: &Recipes) -> bool {
        let of_holder = || self.recipe_of(found.relation.as_ref()?, recipes);
        match found.kind {
            // The table's own are made again on the new one.
            DependentKind::Policy | DependentKind::Rule | DependentKind::Trigger if found.attached => found.may_alter,
            _ if found.attached => false,
            // A partition goes where its table goes.
            DependentKind::Child => self.is_ours(found) && found.may_alter,
            DependentKind::View => self.is_made_again(found, recipes) || found.may_alter && found.rebindable,
            DependentKind::Function | DependentKind::Rule | DependentKind::Policy => {
                found.may_alter && found.rebindable
            }
            DependentKind::MaterializedView => of_holder().is_some_and(|(_, recipe)| recipe.makes_room()),
            // On PostgreSQL a key that people made is given to the new table, too.
            DependentKind::ForeignKey => of_holder().is_some_and(|(holder, recipe)| {
                *recipe == Recipe::Swap
                    && (self.manifest.dialect == Dialect::Postgres || self.declares_key(holder, &found.on))
            }),
            _ => false,
        }
    }

    fn declares_key(&self, holder: NodeId, on: &RelationName) -> bool {
        let constraints = self.manifest.node(holder).properties.constraints.iter();
        let mut targets = constraints.filter(|one| one.kind == ConstraintKind::ForeignKey).filter_map(|one| one.to);
        targets.any(|to| self.manifest.node(to).relation.as_ref() == Some(on))
    }

    fn recipe_of<'r>(&self, relation: &RelationName, recipes: &'r Recipes) -> Option<(NodeId, &'r Recipe)> {
        let found = recipes.iter().find(|(id, _)| self.manifest.node(**id).relation.as_ref() == Some(relation))?;
        Some((*found.0, found.1))
    }

    fn is_ours(&self, found: &Dependent) -> bool {
        let relation = found.relation.as_ref();
        relation.is_some_and(|relation| is_ours(&self.manifest.project, relation, found.comment.as_deref()))
    }

    /// Whether this run makes that relation from its own text, which uses what the new columns are.
    fn is_made_again(&self, found: &Dependent, recipes: &Recipes) -> bool {
        let kinds = [DependentKind::View, DependentKind::MaterializedView, DependentKind::ForeignKey];
        let holder = found.relation.as_ref().filter(|_| kinds.contains(&found.kind));
        let recipe = holder.and_then(|relation| self.recipe_of(relation, recipes));
        recipe.is_some_and(|(_, recipe)| recipe.makes_room() || *recipe == Recipe::ReplaceView)
    }

    /// Whether a divided table has the parts that it is to have, so that its rows find their places.
    fn has_the_same_parts(&self, node: &Node, relation: &RelationName) -> bool {
        let children =
            self.dependents(relation).filter(|found| found.kind == DependentKind::Child && self.is_ours(found));
        let mut live: Vec<&str> = children.filter_map(|found| Some(&*found.relation.as_ref()?.name)).collect();
        let parts = node.properties.storage.partition_by.iter().flat_map(|found| &found.parts);
        let mut declared: Vec<&str> = parts.map(|part| part.name.as_str()).collect();
        live.sort_unstable();
        declared.sort_unstable();
        live == declared
    }

    fn shape(&self, id: NodeId, relation: &RelationName) -> Option<Shape> {
        Some(Shape::between(self.manifest.dialect, self.columns.get(relation)?, self.new_columns(id)?))
    }

    /// What tells rows apart: what a foreign key refers to, the `unique_key`, or an index.
    fn key(
        &self,
        node: &Node,
        relation: &RelationName,
        fitting: Option<&Fitting>,
        shape: Option<&Shape>,
    ) -> Option<Key> {
        let keys = || fitting.into_iter().flat_map(|fitting| &fitting.keys);
        let sorted = |columns: &[String]| {
            let mut sorted = columns.to_vec();
            sorted.sort();
            sorted
        };
        let referred = self.dependents(relation).filter(|found| found.kind == DependentKind::ForeignKey);
        let referred =
            referred.flat_map(|found| keys().filter(move |key| sorted(&key.columns) == found.columns)).next();
        let given: Vec<String> = node.texts("unique_key").into_iter().map(str::to_owned).collect();
        let given = (!given.is_empty()).then(|| {
            let filled = keys().any(|key| key.filled && sorted(&key.columns) == sorted(&given));
            Key { columns: given, filled }
        });
        let usable = |key: &Key| {
            let kept = |column: &String| shape.is_none_or(|shape| shape.kept.contains(column));
            key.columns.iter().all(kept)
        };
        referred.cloned().or(given).into_iter().chain(keys().cloned()).find(usable)
    }

    /// The refusal where something uses a column that goes away or changes its type, and stays.
    fn refused_for_columns(&self, id: NodeId, recipe: &Recipe, recipes: &Recipes) -> Option<Recipe> {
        let (node, relation, _) = self.node(id)?;
        if !recipe.makes_room() && !matches!(recipe, Recipe::InPlace(_)) || self.manifest.dialect == Dialect::DuckDb {
            return None;
        }
        let shape = self.shape(id, relation)?;
        let users: Vec<Blocker> = self
            .dependents(relation)
            .filter(|found| !self.is_made_again(found, recipes) && !super::obstacle::is_made_by_hook(node, found))
            .filter_map(|found| {
                let used: Vec<&str> =
                    found.columns.iter().map(String::as_str).filter(|column| shape.touches(column)).collect();
                (!used.is_empty()).then(|| Blocker::of_columns(found, &shape, &used))
            })
            .collect();
        (!users.is_empty()).then(|| Recipe::Refused(Box::new(refused(node, relation, &users))))
    }
}
