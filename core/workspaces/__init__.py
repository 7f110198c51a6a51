"""The folders in which agents work on tasks of projects: made, switched, snapshotted, compared, merged and removed."""
