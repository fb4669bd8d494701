package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// Publication has the files about a run as a whole. Each run replaces them. An empty
// path stands for no file.
type Publication struct {
	Results string // one JSON line a model (WriteResults); a file, or the URL of an object
	Index   string // a page with links to the reports (WriteIndex); a file, or a URL
	Metrics string // what node_exporter reads (WriteMetrics); a file

	start    time.Time
	manifest string
	shard    Shard
	total    int
	finished []*Result
	written  time.Time // when Metrics was written last
}

// metricsEvery is the time between two writes of the metrics.
const metricsEvery = 10 * time.Second

// Remote reports whether any of the files is an object.
func (p *Publication) Remote() bool { return objects.IsURL(p.Results) || objects.IsURL(p.Index) }

// Check finds out, before a run, whether the files could be written. It does not try
// objects.
func (p *Publication) Check() error {
	probe := atomicfile.Set{Force: true}
	defer probe.Abort()
	for _, path := range []string{p.Results, p.Index, p.Metrics} {
		if path == "" || objects.IsURL(path) {
			continue
		}
		if _, err := probe.Create(path); err != nil {
			return err
		}
	}
	return nil
}

// Begin writes the metrics of a run on jobs, the given shard of a manifest. All of them
// wait.
func (p *Publication) Begin(manifest string, shard Shard, jobs []*Job) error {
	p.start, p.manifest, p.shard, p.total, p.finished = time.Now(), manifest, shard, len(jobs), nil
	return p.writeMetrics()
}

// Add adds a model that is finished. It writes the metrics again after ten seconds.
func (p *Publication) Add(r *Result) error {
	p.finished = append(p.finished, r)
	if time.Since(p.written) < metricsEvery {
		return nil
	}
	return p.writeMetrics()
}

// Finish writes all files. The store and the folder for copies of objects are those of
// Config. A file that cannot be written does not keep the others from being written: each says
// something by itself about a run that nobody will do again. The error names all that failed.
func (p *Publication) Finish(ctx context.Context, store objects.Store, scratch string, s *Summary) error {
	p.finished = slices.Clone(s.Models)
	put := func(path string, text func(io.Writer) error) error {
		if !objects.IsURL(path) {
			return writeFile(path, text)
		}
		copied := filepath.Join(scratch, "jobs", filepath.Base(path))
		if err := writeFile(copied, text); err != nil {
			return err
		}
		_, err := store.Put(ctx, objects.Clean(path), copied, false)
		return err
	}
	return errors.Join(
		p.writeMetrics(),
		put(p.Results, func(w io.Writer) error { return WriteResults(w, s.Models) }),
		put(p.Index, func(w io.Writer) error {
			return WriteIndex(w, p.Index, baseOf(p.manifest), s, time.Now())
		}),
	)
}

func (p *Publication) writeMetrics() error {
	p.written = time.Now()
	return writeFile(p.Metrics, func(w io.Writer) error {
		return WriteMetrics(w, p.manifest, p.shard, p.total, p.finished, time.Since(p.start), time.Now())
	})
}

// writeFile creates or replaces a file, which appears whole or not at all. It does
// nothing without a path.
func writeFile(path string, text func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	f, err := out.Create(path)
	if err != nil {
		return err
	}
	if err := text(f); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return out.Commit()
}
