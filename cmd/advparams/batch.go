package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/internal/terminal"
	"github.com/advparams/advparams/internal/text"
)

type batchRun struct {
	app      *app
	manifest string
	shard    string
	workers  int
	memory   string
	dryRun   bool
	retry    bool
	force    bool

	publish   batch.Publication
	cache     string
	cacheSize string

	store   objects.Client
	scratch string // folder for copies; "" if nothing is in object storage

	part batch.Shard
	bar  *terminal.Bar
}

func newBatch(a *app) *cobra.Command {
	b := &batchRun{app: a}
	cmd := &cobra.Command{
		Use:   "batch MANIFEST.yaml [--shard i/n] [--workers K]",
		Short: "Lock and verify many models",
		Long: `Lock and verify the models that a manifest names, each in separate processes.
docs/batch.md describes the manifest.

Records of what is done are beside the outputs. A model is skipped if its bytes, its
data, its options and this program are the same as when it was done. So a run that was
stopped or killed continues where it was. Runs on the same manifest, also on several
hosts, share the work and do nothing twice.

In a Slurm array, a Kubernetes Indexed Job or an AWS Batch array, the environment gives
the shard. Set ADVPARAMS_SHARDS to the number of shards if the scheduler does not give it.

If models failed, the exit status is 1 if a retry may help one of them, and otherwise
the lowest of their statuses.

The manifest, everything it names, --results and --index can be in object storage, at
s3://, gs:// and azblob:// URLs, with the program advparams-storage.`,
		Example: `  advparams batch models.yaml --dry-run
  advparams batch models.yaml --index index.html --results results.jsonl
  advparams batch models.yaml --shard 3/8 --workers 2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.manifest = args[0]
			return b.run(cmd.Context())
		},
	}
	operand(cmd, "the manifest", "yaml", "yml", "json")
	fl := cmd.Flags()
	fl.StringVar(&b.shard, "shard", "", "do only part `I/N` of the models, I from 1 to N")
	fl.IntVar(&b.workers, "workers", 0, "work on at most `K` models at a time; 0: one per core")
	fl.StringVar(&b.memory, "memory", "", "memory to share out, such as `8GiB`, instead of what is free")
	fl.BoolVarP(&b.dryRun, "dry-run", "n", false, "print the plan, and do nothing")
	fl.BoolVar(&b.retry, "retry-failed", false, "try again what failed with status 2 to 5 and is unchanged")
	fl.BoolVar(&b.force, "force", false, "replace outputs that no earlier run has written")
	fileFlag(cmd, &b.publish.Results, "results", "", "write one JSON line per model to `FILE`", "jsonl")
	fileFlag(cmd, &b.publish.Index, "index", "", "write a page with links to the reports to `FILE.html`", "html")
	fl.StringVar(&b.cache, "cache", "", "`FOLDER` for copies of what is in object storage (default advparams-UID in the folder for temporary files)")
	fl.StringVar(&b.cacheSize, "cache-size", "20GiB", "keep copies of data sets up to this `SIZE`; copies of models being worked on are not counted")
	fileFlag(cmd, &b.publish.Metrics, "metrics", "", "keep metrics for node_exporter in `FILE.prom`", "prom")
	return cmd
}

func (b *batchRun) run(ctx context.Context) error {
	if b.workers < 0 {
		return usagef("--workers %d is negative", b.workers)
	}
	resources := batch.Available()
	if b.memory != "" {
		var err error
		if resources.Memory, err = batch.ParseSize(b.memory); err != nil {
			return usagef("--memory: %w", err)
		}
	}
	limit, err := batch.ParseSize(b.cacheSize)
	if err != nil {
		return usagef("--cache-size: %w", err)
	}
	if objects.IsURL(b.publish.Metrics) {
		return usagef("--metrics %s: node_exporter reads files", b.publish.Metrics)
	}
	defer b.store.Close()
	jobs, err := b.jobs(ctx)
	if err != nil {
		return err
	}
	workers := b.workers
	if workers == 0 {
		workers = resources.Cores
	}
	if b.dryRun {
		return b.plan(jobs, max(resources.Cores/workers, 1))
	}
	if err := checkPassphrase(jobs); err != nil {
		return err
	}
	if err := b.publish.Check(); err != nil {
		return err
	}
	if b.publish.Remote() || slices.ContainsFunc(jobs, (*batch.Job).Remote) {
		scratch, err := batch.OpenScratch(b.cacheFolder())
		if err != nil {
			return err
		}
		defer scratch.Close()
		b.scratch = scratch.Path
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	identity, err := batch.Identify(program)
	if err != nil {
		return err
	}
	b.app.note("%d models, %d at a time, shard %v, memory %v", len(jobs), min(workers, max(len(jobs), 1)), b.part, resources.Memory)
	if err := b.publish.Begin(b.manifest, b.part, jobs); err != nil {
		return err
	}
	b.bar = b.app.bar("models", len(jobs), true)
	summary := batch.Run(ctx, jobs, batch.Config{
		Command: []string{program}, Tool: identity,
		Workers: workers, Resources: resources,
		RetryFailed: b.retry, Force: b.force,
		Store: &b.store, Scratch: b.scratch, CacheSize: limit,
		Hint: manifestHint, Progress: b.progress,
	})
	b.bar.Close()
	summary.Shard = b.part.String()
	return b.finish(context.WithoutCancel(ctx), summary)
}

// cacheFolder returns the folder for copies.
func (b *batchRun) cacheFolder() string {
	if b.cache != "" {
		return b.cache
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("advparams-%d", os.Getuid()))
}

// jobs reads the manifest and returns the jobs of this shard.
func (b *batchRun) jobs(ctx context.Context) ([]*batch.Job, error) {
	var err error
	if b.shard != "" {
		b.part, err = batch.ParseShard(b.shard)
	} else {
		b.part, err = batch.ShardFromEnv(os.Getenv)
	}
	if err != nil {
		return nil, &usageError{err}
	}
	var m *batch.Manifest
	if objects.IsURL(b.manifest) {
		m, err = batch.LoadObject(ctx, &b.store, b.manifest)
	} else {
		m, err = batch.Load(b.manifest)
	}
	if err == nil {
		var plan *batch.Plan
		if plan, err = m.Plan(ctx, &b.store); err == nil {
			return plan.Shard(b.part), nil
		}
	}
	if errors.Is(err, batch.ErrManifest) {
		err = &usageError{err}
	}
	return nil, err
}

// checkPassphrase makes sure that there is a passphrase if a key is to be sealed with
// one. Child processes cannot ask for it.
func checkPassphrase(jobs []*batch.Job) error {
	if os.Getenv(passphraseVariable) != "" {
		return nil
	}
	for _, j := range jobs {
		if j.Seal.Passphrase {
			return withHint(usagef("%s is to be sealed with a passphrase, and there is none", j.Model), "put it into the environment variable %s", passphraseVariable)
		}
	}
	return nil
}

// plan prints what a run would do.
func (b *batchRun) plan(jobs []*batch.Job, threads int) error {
	type planned struct {
		Model    string   `json:"model"`
		Bytes    int64    `json:"bytes"`
		Locked   string   `json:"locked"`
		Key      string   `json:"key"`
		Report   string   `json:"report,omitempty"`
		Commands []string `json:"commands"`
	}
	list := []planned{}
	for _, j := range jobs {
		list = append(list, planned{j.Model, j.Size, j.Output, j.Key, j.Report, j.Commands(threads)})
	}
	return b.app.result(map[string]any{"shard": b.part.String(), "models": list}, func(w io.Writer) {
		for _, p := range list {
			for _, c := range p.Commands {
				fmt.Fprintf(w, "advparams %s\n", printable.Line(c))
			}
		}
	})
}

// progress shows that a model is done or has to wait.
func (b *batchRun) progress(p batch.Progress) {
	b.bar.Set(p.Done, p.Counts())
	if b.bar == nil {
		b.app.note("%v", p)
	}
	if p.Result == nil {
		return
	}
	if err := b.publish.Add(p.Result); err != nil {
		b.app.warn("%v", err)
	}
}

// batchFailed is the error of a run in which models failed. It has the status of the
// run.
type batchFailed struct {
	error
	status int
}

// finish writes and prints the results of the run.
func (b *batchRun) finish(ctx context.Context, s *batch.Summary) error {
	err := errors.Join(b.publish.Finish(ctx, &b.store, b.scratch, s), b.app.result(s, func(w io.Writer) { text.Batch(w, s) }))
	if err != nil || s.Status == exitcode.Done {
		return err
	}
	var parts []string
	for _, state := range []batch.State{batch.Failed, batch.Interrupted, batch.Waiting} {
		if n := s.Counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	err = &batchFailed{fmt.Errorf("%s of %d models", strings.Join(parts, ", "), len(s.Models)), s.Status}
	if s.Status == exitcode.Failed {
		return withHint(err, "the same command goes on with what is not done")
	}
	return withHint(err, "trying again would not help: the table has the reasons")
}
