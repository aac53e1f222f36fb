//! Which service a resource belongs to. An account may have several services, each with a separate world; a request to
//! AWS is about one of them.

use crate::world::World;

impl World {
    /// Whether `word` is an id, a name or an ARN of a resource here. What all services of the account share (the names
    /// of the application and of the cluster) belongs to none of them.
    pub(crate) fn owns(&self, word: &str) -> bool {
        let last = word.rsplit('/').next().unwrap_or_default();
        let target = word.rsplit(':').next().unwrap_or_default();
        self.group.name == word
            || self.service.as_ref().is_some_and(|service| service.name == last || service.name == target)
            || self.deployments.iter().any(|it| it.id == word)
            || self.service.iter().flat_map(|service| &service.task_sets).any(|set| set.id == word)
            || self.tasks.iter().any(|task| task.arn == word)
            || self.definitions.iter().any(|definition| definition.arn == word)
            || self.target_groups.iter().any(|group| group.name == word || group.arn == word)
            || self.listeners.iter().any(|listener| listener.arn == word)
            || self.load_balancers.iter().any(|balancer| balancer.arn == word)
            || (self.account.owns(word) && word != self.group.application)
            || self.alarms.iter().any(|alarm| alarm.name == word)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::world::{DeploymentBehaviour, InitialState, WorldOptions};

    #[test]
    fn two_services_of_one_cluster_share_nothing_but_its_name() {
        let now = SystemTime::now();
        let options = |seed| WorldOptions { production: 80, test: 81, seed };
        let worlds = [("web", 1), ("cart", 2)].map(|(name, seed)| {
            let mut world = World::for_service(name, now, options(seed), &InitialState::default());
            world.create_deployment(now, "user");
            world.run_event("Install", &DeploymentBehaviour::default(), now);
            world.advance_to(now + std::time::Duration::from_secs(9));
            world
        });
        for (own, other) in [(0, 1), (1, 0)] {
            let mut world = worlds[own].clone();
            let green = world.green().unwrap().clone();
            let mut words = vec![
                world.group.name.clone(),
                world.deployment().id.clone(),
                world.deployment().target.clone(),
                world.green_group().unwrap().arn.clone(),
                world.production().unwrap().arn.clone(),
                world.load_balancers[0].arn.clone(),
                world.alarms[0].name.clone(),
                green.id.clone(),
                green.task_definition.clone(),
            ];
            words.extend(world.tasks.iter().map(|task| task.arn.clone()));
            for word in words {
                assert!(worlds[own].owns(&word), "{word}");
                assert!(!worlds[other].owns(&word), "{word}");
            }
            assert!(!world.owns("shop"));
        }
    }
}
