//! Where the project is.

use super::LoadOptions;
use crate::{
    diagnostic::{Diagnostic, code},
    project::disk::PROJECT_FILE,
};
use std::path::{Path, PathBuf};

/// The folder of `suiro.yml`.
pub(super) fn find_root(options: &LoadOptions<'_>) -> Result<PathBuf, Box<Diagnostic>> {
    let is_project = |folder: &Path| fs_err::symlink_metadata(folder.join(PROJECT_FILE)).is_ok();
    let start = match options.project_dir {
        Some(folder) => options.current_dir.join(folder),
        None => options.current_dir.to_owned(),
    };
    let start: PathBuf = start.components().collect();
    let root = match options.project_dir {
        Some(_) => Some(start.as_path()).filter(|folder| is_project(folder)),
        None => start.ancestors().find(|folder| is_project(folder)),
    };
    if let Some(root) = root {
        return Ok(root.to_owned());
    }
    let shown = start.display();
    let message = match options.project_dir {
        Some(_) if !start.is_dir() => format!("the folder `{shown}` does not exist"),
        Some(_) => format!("there is no suiro.yml in `{shown}`"),
        None => format!("there is no suiro.yml in `{shown}` or in any folder above it"),
    };
    let missing = Diagnostic::error(code::NO_PROJECT_FILE, message);
    let other = ["suiro.yaml", "Suiro.yml", "suiro.yml.txt"].into_iter().find(|name| start.join(name).is_file());
    Err(Box::new(match other {
        Some(other) => missing.help(format!("rename `{other}` to `suiro.yml`")),
        None => missing.help("`suiro init` writes one, and `--project-dir` names the folder of another project"),
    }))
}
