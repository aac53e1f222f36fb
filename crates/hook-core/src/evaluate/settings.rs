//! Whether the function's environment variables can be used.

use gate::ReasonCode;

use crate::{conclusion::Conclusion, finding::Observation, phase::Phase, settings::Settings};

/// Ends the evaluation if a setting is invalid.
///
/// # Errors
/// All invalid settings, the first as the reason and the others as details.
pub fn check(settings: &Settings) -> Result<(), Conclusion> {
    let Some((first, more)) = settings.errors.split_first() else { return Ok(()) };
    let observation = Observation::failed(ReasonCode::SettingsInvalid, "", "", first.clone());
    Err(Conclusion::strict(Phase::Settings, observation.with_details(more.iter().cloned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_settings_do_not_end_the_evaluation() {
        assert_eq!(check(&Settings::default()), Ok(()));
    }

    #[test]
    fn invalid_settings_end_it_and_all_of_them_are_named() {
        let settings = Settings { errors: ["a", "b", "c"].map(str::to_owned).into(), ..Settings::default() };
        let observation =
            Observation::failed(ReasonCode::SettingsInvalid, "", "", "a").with_details(["b", "c"].map(str::to_owned));
        assert_eq!(check(&settings), Err(Conclusion::strict(Phase::Settings, observation)));
    }
}
