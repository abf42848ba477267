"""From a disk of deliveries to a published version: plan, build, finish, check, publish."""
