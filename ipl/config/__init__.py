"""The border where YAML becomes typed objects."""

from ipl.config.parse import read_mine_plan, read_plan
from ipl.config.plan import Choice, CyclePlan, DataPlan, DataSource, MinePlan, Plan

__all__ = ["Choice", "CyclePlan", "DataPlan", "DataSource", "MinePlan", "Plan", "read_mine_plan", "read_plan"]
