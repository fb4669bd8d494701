package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
)

type verification struct {
	app  *app
	opt  advparams.VerifyOptions
	data dataFlags
	open openFlags
}

func newVerify(a *app) *cobra.Command {
	v := &verification{app: a}
	cmd := &cobra.Command{
		Use:   "verify --locked LOCKED.onnx [--original MODEL.onnx] [--key KEY -i IDENTITY] [--data DATA]",
		Short: "Measure original, locked and unlocked model",
		Long:  text.Verify,
		Example: `  advparams verify --locked locked.onnx --original model.onnx --key model.key -i me.txt --data images/
  advparams verify --locked locked.onnx --key model.key -i me.txt --data images/ --report report.html
  advparams verify --locked locked.onnx --key model.key -i me.txt --data images/ --max-locked 0.15 --min-unlocked 0.9`,
		RunE: func(cmd *cobra.Command, _ []string) error { return v.run(cmd.Context()) },
	}
	nothing(cmd)
	fileFlag(cmd, &v.opt.Locked, "locked", "", "the locked model, `LOCKED.onnx`", "onnx")
	fileFlag(cmd, &v.opt.Original, "original", "", "the original model, `MODEL.onnx`", "onnx")
	v.open.register(cmd, "the `KEY` of the locked model")
	v.data.register(cmd, advparams.Test, 0)
	runtimeFlags(cmd, &v.opt.Runtime, &v.opt.Python)
	cmd.Flags().Float64Var(&v.opt.MaxLocked, "max-locked", 0, "exit with 3 if the locked model has an accuracy above `F`; 0 for no limit")
	cmd.Flags().Float64Var(&v.opt.MinUnlocked, "min-unlocked", 0, "exit with 3 if the unlocked model has an accuracy below `F`; 0 for no limit")
	fileFlag(cmd, &v.opt.Report, "report", "", "write the findings to `FILE.html` as well, one page without external parts", "html")
	cmd.Flags().BoolVar(&v.opt.Force, "force", false, "replace the report if it exists")
	machineFlags(cmd, &v.opt.Threads, 0, &v.opt.Memory)
	must(cmd.MarkFlagRequired("locked"))
	return cmd
}

func (v *verification) check() error {
	switch {
	case v.data.Path == "" && v.open.path == "":
		return usagef("nothing to verify: give --data, --key or both")
	case v.data.Labels == advparams.LabelsOfModel && v.opt.Original == "" && v.open.path == "":
		return usagef("--labels model needs --original, or --key to get at it")
	}
	if err := v.open.check(); err != nil {
		return err
	}
	return v.app.checkStreams(v.opt.Report)
}

func (v *verification) run(ctx context.Context) (err error) {
	if err := v.check(); err != nil {
		return err
	}
	o := &v.opt
	if err := v.data.finish(); err != nil {
		return err
	}
	o.Data, o.Output, o.Task = v.data.Data, v.data.output, v.data.task
	o.ReportTo = v.app.stream(&o.Report)
	if o.Key, err = v.open.file(v.app); err != nil {
		return err
	}
	show := v.app.watch()
	defer show.close()
	o.Progress, o.Notice = show.progress, show.notice
	r, failed := advparams.Verify(ctx, *o)
	show.close()
	if r == nil {
		return failed
	}
	if o.ReportTo == nil {
		if err := v.app.result(r, func(w io.Writer) { text.Verification(w, r) }); err != nil {
			return err
		}
	}
	return failed // after everything that could be measured
}
