"""The families of rows; each module measures one."""
