"""The probe of imports: what happens when a module is imported where the workload would import it."""
