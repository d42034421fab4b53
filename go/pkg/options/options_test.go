package options

import (
	"testing"
	"time"
)

func TestNilOptionsAreSkipped(t *testing.T) {
	o := Apply(nil, WithCwd("/tmp"), nil, WithExecuteTimeout(time.Second))
	if *o.Cwd != "/tmp" || *o.Timeout != time.Second || o.Env != nil {
		t.Errorf("%+v", o)
	}
}
