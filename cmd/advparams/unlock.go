package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
)

type unlock struct {
	app  *app
	opt  advparams.UnlockOptions
	open openFlags
}

func newUnlock(a *app) *cobra.Command {
	u := &unlock{app: a}
	cmd := &cobra.Command{
		Use:   "unlock LOCKED.onnx --key KEY [-i IDENTITY] (-o MODEL.onnx | --in-place)",
		Short: "Restore the original model",
		Long: `Turn a locked model back into the original, bit for bit, external data included. The
locked files are compared with the digests in the key before anything is written, and
the result with the digests of the original before it appears.

--in-place replaces the locked model. A sealed model is decrypted where it is, part by
part, so that no room for a copy is needed. A journal beside the model, which contains the
key while it exists, lets the next unlock go on if that is interrupted.`,
		Example: `  advparams unlock locked.onnx --key model.key -i me.txt -o model.onnx
  advparams unlock locked.onnx --key model.key -i me.txt --in-place`,
		RunE: func(cmd *cobra.Command, args []string) error {
			u.opt.Locked = args[0]
			return u.run(cmd.Context())
		},
	}
	operand(cmd, "the locked model", "onnx")
	u.open.register(cmd, "the `KEY` that protect wrote")
	fileFlag(cmd, &u.opt.Out, "out", "o", "write the original to `MODEL.onnx`; - for standard output", "onnx")
	fl := cmd.Flags()
	fl.BoolVar(&u.opt.InPlace, "in-place", false, "replace the locked model by the original")
	fl.BoolVar(&u.opt.Force, "force", false, "replace files that exist")
	must(cmd.MarkFlagRequired("key"))
	cmd.MarkFlagsOneRequired("out", "in-place")
	cmd.MarkFlagsMutuallyExclusive("out", "in-place")
	return cmd
}

func (u *unlock) run(ctx context.Context) (err error) {
	a := u.app
	if err := a.checkStreams(u.opt.Out); err != nil {
		return err
	}
	if u.opt.Key, err = u.open.file(a); err != nil {
		return err
	}
	u.opt.OutTo = a.stream(&u.opt.Out)
	show := a.watch()
	defer show.close()
	u.opt.Progress = show.progress
	r, err := advparams.Unlock(ctx, u.opt)
	show.close()
	if err != nil || u.opt.OutTo != nil {
		return err
	}
	if r.Already {
		a.note("%s is the original already", u.opt.Locked)
	}
	for _, name := range r.Unused {
		a.note("%s is no longer used", name)
	}
	return a.result(r, func(w io.Writer) { text.Unlocked(w, r) })
}
