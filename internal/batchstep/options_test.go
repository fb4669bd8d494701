package batchstep

import (
	"errors"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/wire"
)

func TestManifestOptions(t *testing.T) {
	for _, c := range []struct{ step, option, want string }{
		{wire.StepProtect, "Include", "include"},
		{wire.StepProtect, "MaxParams", "max_params"},
		{wire.StepProtect, "TimeLimit", "time_limit"},
		{wire.StepProtect, "Target", "target_accuracy"},
		{wire.StepProtect, "Data.Limit", "data.limit"},
		{wire.StepProtect, "Output", "data.output"},
		{wire.StepVerify, "Data.Limit", "verify.data.limit"},
		{wire.StepAttack, "TimeLimit", "attack.time_limit"},
		{wire.StepAttack, "Test", "attack.test"},
	} {
		if got := manifestOption(c.step, c.option); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.step, c.option, got, c.want)
		}
	}
}

// TestErrorsInManifest: mistakes in a request are named as in the manifest.
func TestErrorsInManifest(t *testing.T) {
	for _, c := range []struct {
		req  wire.Request
		want string
	}{
		{wire.Request{Protect: &wire.Protect{Model: "m.onnx", Output: "l.onnx", Key: "m.key", Seal: wire.Seal{Plain: true}, Data: wire.Data{Path: "d", Limit: -1}}},
			"data.limit -1 is negative"},
		{wire.Request{Protect: &wire.Protect{Seal: wire.Seal{Recipients: []string{"age-of-reason-and-more"}}}},
			`seal: "age-of-reaso…": not a recipient`},
		{wire.Request{Attack: &wire.Attack{Trials: wire.Trials{Grid: []string{"sgd"}}}},
			`attack.grid: "sgd" is not a rule and a learning rate, as in sgd:0.01 or adam:0.001`},
	} {
		_, err := new(Host).Run(t.Context(), &c.req)
		var option *advparams.OptionError
		if !errors.As(err, &option) || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}
