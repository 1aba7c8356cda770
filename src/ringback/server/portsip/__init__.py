"""The PortSIP dialect: call logs and CDRs as the REST API of a PortSIP PBX gives them, under `/api`."""
