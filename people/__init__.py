"""People 人员: users, units and roles, signing in, tokens for other platforms, who did and who looked at what."""
