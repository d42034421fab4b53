package types

import "fmt"

// String describes them without the values of variables and secrets.
func (p ImageParams) String() string {
	type plain ImageParams
	p.EnvVars, p.BuildSecrets = hidden(p.EnvVars), hidden(p.BuildSecrets)
	return fmt.Sprintf("%+v", plain(p))
}

// GoString does the same as String.
func (p ImageParams) GoString() string { return p.String() }

// String describes them without the values of secrets.
func (p CreateSnapshotParams) String() string {
	type plain CreateSnapshotParams
	p.BuildSecrets = hidden(p.BuildSecrets)
	return fmt.Sprintf("%+v", plain(p))
}

// GoString does the same as String.
func (p CreateSnapshotParams) GoString() string { return p.String() }
