//! What the operator decides about workspaces, checked whole before anything starts.
//! Where it was written (a file, flags, the environment) is known to the binary alone.

use crate::quantity::Quantity;
use crate::template::{Resources, Template};

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    templates: Vec<Template>,
    limit_person: u32,
    limit_total: u32,
    adopts_namespaces: bool,
}

/// The configuration of workspaces cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("workspaces: {0}")]
pub struct OperatorMisconfigured(String);

/// More templates than cards fit on a page.
const TEMPLATES_MAX: usize = 50;

impl Settings {
    /// Checks templates and limits.
    pub fn new(
        templates: Vec<Template>,
        limit_person: u32,
        limit_total: u32,
    ) -> Result<Self, OperatorMisconfigured> {
        let wrong = |detail: String| Err(OperatorMisconfigured(detail));
        if templates.is_empty() || templates.len() > TEMPLATES_MAX {
            return wrong(format!("give 1 to {TEMPLATES_MAX} templates"));
        }
        for (index, template) in templates.iter().enumerate() {
            template.check().map_err(OperatorMisconfigured)?;
            if templates[..index].iter().any(|earlier| earlier.name == template.name) {
                return wrong(format!("two templates are called `{}`", template.name));
            }
        }
        if templates.iter().filter(|template| template.default).count() > 1 {
            return wrong("at most one template can be the default".to_owned());
        }
        if limit_person == 0 || limit_total < limit_person {
            return wrong(
                "the limit for one person must be 1 at least, and not above the total".to_owned(),
            );
        }
        Ok(Self { templates, limit_person, limit_total, adopts_namespaces: false })
    }

    /// Takes namespaces that carry a person's marks for theirs, though no hub on this store made them: for a store
    /// that was lost, and for demonstrations. Whoever may create namespaces could have forged them.
    #[must_use]
    pub fn adopting_namespaces(self, adopts_namespaces: bool) -> Self {
        Self { adopts_namespaces, ..self }
    }

    /// Every template, in the operator's order.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The template of that name.
    pub fn template(&self, name: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.name == name)
    }

    /// How many workspaces one person may have.
    pub fn limit_person(&self) -> u32 {
        self.limit_person
    }

    /// How many there may be in total.
    pub fn limit_total(&self) -> u32 {
        self.limit_total
    }

    pub(crate) fn adopts_namespaces(&self) -> bool {
        self.adopts_namespaces
    }

    /// What so many workspaces of the largest kind may use together.
    pub(crate) fn room_for(&self, count: u32) -> Resources {
        let most = |amount: fn(&Resources) -> &str| {
            let largest =
                self.templates.iter().filter_map(|it| Quantity::parse(amount(&it.resources))).max();
            // Checked quantities: there is a largest one.
            largest.map_or_else(|| "0".to_owned(), |it| it.times(count).to_string())
        };
        Resources {
            cpu_request: most(|it| &it.cpu_request),
            cpu_limit: most(|it| &it.cpu_limit),
            memory_request: most(|it| &it.memory_request),
            memory_limit: most(|it| &it.memory_limit),
            storage_limit: most(|it| &it.storage_limit),
        }
    }
}

impl Default for Settings {
    /// A Debian shell, three for each person, a hundred in total.
    fn default() -> Self {
        Self {
            templates: vec![Template::debian_shell("debian:12")],
            limit_person: 3,
            limit_total: 100,
            adopts_namespaces: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_passes_its_own_check() {
        let default = Settings::default();
        let again = Settings::new(default.templates.clone(), 3, 100).unwrap();
        let allowance = again.room_for(3);
        assert_eq!(allowance.cpu_limit, "3");
        assert_eq!(allowance.cpu_request, "150m");
        assert_eq!(allowance.memory_limit, "3Gi");
        assert_eq!(allowance.storage_limit, "24Gi");
    }

    #[test]
    fn an_operators_mistake_is_named() {
        let debian = || Template::debian_shell("debian:12");
        let wrong = |change: fn(&mut Template), said: &str| {
            let mut template = debian();
            change(&mut template);
            let error = Settings::new(vec![template], 3, 100).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        };
        wrong(|it| it.name = "A b".to_owned(), "`name`");
        wrong(|it| it.image = " ".to_owned(), "`image`");
        wrong(|it| it.resources.cpu_limit = "lots".to_owned(), "`cpu`");
        wrong(|it| it.resources.memory_request = "2Gi".to_owned(), "`memory` requests more");
        wrong(|it| it.lifetime = std::time::Duration::ZERO, "`lifetime`");
        assert!(Settings::new(Vec::new(), 1, 1).is_err());
        assert!(Settings::new(vec![debian(), debian()], 1, 1).is_err());
        assert!(Settings::new(vec![debian()], 0, 1).is_err());
        assert!(Settings::new(vec![debian()], 5, 4).is_err());
    }
}
