package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/verify"
)

type unlock struct {
	app     *app
	locked  string
	key     string
	open    openFlags
	out     string
	inPlace bool
	force   bool
}

func newUnlock(a *app) *cobra.Command {
	u := &unlock{app: a}
	cmd := &cobra.Command{
		Use:   "unlock LOCKED.onnx --key KEY [-i IDENTITY] (-o MODEL.onnx | --in-place)",
		Short: "Give back the original model",
		Long: `Turn a locked model back into the original, bit for bit, external data included.
Before anything is written the locked files are compared with the digests in the
key, and before anything appears the result is compared with those of the original.`,
		Example: `  advparams unlock locked.onnx --key model.key -i me.txt -o model.onnx
  advparams unlock locked.onnx --key model.key -i me.txt --in-place`,
		RunE: func(cmd *cobra.Command, args []string) error {
			u.locked = args[0]
			return u.run(cmd.Context())
		},
	}
	operand(cmd, "the locked model", "onnx")
	fileFlag(cmd, &u.key, "key", "", "the `KEY` that protect wrote", "key")
	fileFlag(cmd, &u.out, "out", "o", "write the original to `MODEL.onnx`; - for standard output", "onnx")
	fl := cmd.Flags()
	fl.BoolVar(&u.inPlace, "in-place", false, "replace the locked model by the original")
	fl.BoolVar(&u.force, "force", false, "replace files that exist")
	u.open.register(cmd)
	must(cmd.MarkFlagRequired("key"))
	cmd.MarkFlagsOneRequired("out", "in-place")
	cmd.MarkFlagsMutuallyExclusive("out", "in-place")
	return cmd
}

// unlockResult is what unlock prints.
type unlockResult struct {
	Model  string       `json:"model"`
	SHA256 string       `json:"sha256"`
	Files  []fileResult `json:"files"`
}

// fileResult is a file in a result.
type fileResult struct {
	Name   string `json:"name"`
	Size   int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (u *unlock) run(ctx context.Context) error {
	a := u.app
	target, force := u.out, u.force
	if u.inPlace {
		target, force = u.locked, true
	}
	if err := a.checkOutputs(force, target); err != nil {
		return err
	}
	k, err := u.open.read(a, u.key)
	if err != nil {
		return err
	}
	if target == standard && len(k.Record.Files) > 1 {
		return usagef("this model has %d files, which cannot go to standard output together", len(k.Record.Files))
	}
	out := a.outputs(ctx, force)
	defer out.close()
	path, set, err := out.place(target, "model.onnx")
	if err != nil {
		return err
	}
	if err := onnxio.Restore(u.locked, &k.Record, set, path); err != nil {
		return err
	}
	if err := out.commit(ctx); err != nil || target == standard {
		return err
	}
	if u.inPlace {
		u.leftover(&k.Record)
	}
	r := unlockResult{Model: target}
	for i, f := range k.Record.Files {
		one := fileResult{f.Name, f.Size, fmt.Sprintf("%x", f.SHA256)}
		if i == 0 {
			one.Name, r.SHA256 = target, one.SHA256
		}
		r.Files = append(r.Files, one)
	}
	return a.result(r, func(w io.Writer) {
		for _, f := range r.Files {
			fmt.Fprintf(w, "unlocked %s\t%s bytes\tsha256 %s\n", oneLine(f.Name), verify.Thousands(f.Size), f.SHA256)
		}
	})
}

// leftover names data files of the locked model that the original does not use.
func (u *unlock) leftover(rec *onnxio.Record) {
	for _, f := range rec.Files[1:] {
		if !slices.ContainsFunc(rec.Files, func(o onnxio.FileRecord) bool { return o.Name == f.LockedName }) {
			u.app.note("%s is no longer used", f.LockedName)
		}
	}
}
