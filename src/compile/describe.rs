//! Descriptions: templates that may ask for docs blocks, rendered once the whole project is known.

use crate::{
    diagnostic::Diagnostic,
    project::{Column, Project},
    source::Span,
    template::{Scope, render_setting},
};

/// Renders every description of the project in its place; one that fails becomes empty.
pub(super) fn render(project: &mut Project, scope: &Scope) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut render = |text: &str, span: Span| match render_setting(text, span, scope) {
        Ok(setting) => setting.text,
        Err(problems) => {
            found.extend(problems);
            String::new()
        }
    };
    let configs = project.models.iter_mut().map(|model| &mut model.config);
    for config in configs.chain(project.seeds.iter_mut().map(|seed| &mut seed.config)) {
        config.describe(&mut render);
    }
    let columns = project.models.iter_mut().map(|model| &mut model.columns);
    let columns = columns.chain(project.seeds.iter_mut().map(|seed| &mut seed.columns));
    let columns = columns.chain(project.source_tables.iter_mut().map(|table| &mut table.columns));
    for column in columns.flatten() {
        describe_column(column, &mut render);
    }
    for table in &mut project.source_tables {
        let span = table.name.span;
        for text in [&mut table.description, &mut table.source_description].into_iter().flatten() {
            *text = render(text, span);
        }
    }
    for exposure in &mut project.exposures {
        let span = exposure.name.span;
        if let Some(text) = &mut exposure.description {
            *text = render(text, span);
        }
    }
    found
}

fn describe_column(column: &mut Column, render: &mut impl FnMut(&str, Span) -> String) {
    let span = column.name.span;
    if let Some(text) = &mut column.description {
        *text = render(text, span);
    }
}
