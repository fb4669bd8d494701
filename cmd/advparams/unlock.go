package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
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
		Short: "Restore the original model",
		Long: `Turn a locked model back into the original, bit for bit, external data included.
Before anything is written, the locked files are compared with the digests in the key.
Before a file appears, the result is compared with the digests of the original.`,
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

func (u *unlock) run(ctx context.Context) error {
	a := u.app
	if err := a.checkStreams(u.out); err != nil {
		return err
	}
	key, err := u.open.file(a, u.key)
	if err != nil {
		return err
	}
	opt := advparams.UnlockOptions{Locked: u.locked, Key: key, InPlace: u.inPlace, Force: u.force}
	if opt.OutTo = a.stream(u.out); opt.OutTo == nil {
		opt.Out = u.out
	}
	r, err := advparams.Unlock(ctx, opt)
	if err != nil || u.out == standard {
		return err
	}
	for _, name := range r.Unused {
		a.note("%s is no longer used", name)
	}
	return a.result(r, func(w io.Writer) {
		for _, f := range r.Files {
			fmt.Fprintf(w, "unlocked %s\t%s bytes\tsha256 %s\n", oneLine(f.Name), verify.Thousands(f.Size), f.SHA256)
		}
	})
}
