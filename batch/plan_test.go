package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// planned loads a manifest with the given models in dir and returns its plan.
func planned(t *testing.T, dir, models string) (*Plan, error) {
	t.Helper()
	m, err := Load(put(t, dir, "m.yaml", "version: 1\ndefaults: {data: {path: d}, seal: {plain: true}}\nmodels:\n"+models))
	if err != nil {
		t.Fatal(err)
	}
	return m.Plan(t.Context(), nil)
}

// names lists what is below dir in the plan: model > output.
func names(t *testing.T, dir string, jobs []*Job) string {
	t.Helper()
	var list []string
	for _, j := range jobs {
		rel := func(p string) string {
			abs, _ := filepath.Abs(p)
			r, err := filepath.Rel(dir, abs)
			if err != nil {
				t.Fatal(err)
			}
			return filepath.ToSlash(r)
		}
		list = append(list, rel(j.Model)+" > "+rel(j.Output))
	}
	return strings.Join(list, "\n")
}

func TestPlan(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.onnx", "a.locked.onnx", "sub/b.onnx", "sub/deep/c.onnx", "sub/deep/c.txt", "star[1].onnx"} {
		put(t, dir, name, "x")
	}
	for _, c := range []struct{ name, models, want string }{
		{"a file", "- a.onnx", "a.onnx > a.locked.onnx"},
		{"one that is missing", "- none.onnx", "none.onnx > none.locked.onnx"},
		{"a pattern leaves outputs out", `- "a*.onnx"`, "a.onnx > a.locked.onnx"},
		{"folders", `- "**/*.onnx"`, "a.onnx > a.locked.onnx\nstar[1].onnx > star[1].locked.onnx\nsub/b.onnx > sub/b.locked.onnx\nsub/deep/c.onnx > sub/deep/c.locked.onnx"},
		{"except", `- {path: "**/*.onnx", except: ["sub/**", "star*"]}`, "a.onnx > a.locked.onnx"},
		{"a name that looks like a pattern", "- star[1].onnx", "star[1].onnx > star[1].locked.onnx"},
		{"the later entry counts", "- '{a,sub/b}.onnx'\n- {path: a.onnx, output: out/x.onnx}", "a.onnx > out/x.onnx\nsub/b.onnx > sub/b.locked.onnx"},
		{"into another tree", `- {path: "sub/**/*.onnx", output: "out/{{.Dir}}/{{.Name}}"}`, "sub/b.onnx > out/sub/b.onnx\nsub/deep/c.onnx > out/sub/deep/c.onnx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := planned(t, dir, c.models)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(t, dir, p.Jobs); got != c.want {
				t.Errorf("plan\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestPlanMistakes(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "work")
	for _, name := range []string{"a.onnx", "b.onnx", "a.locked.onnx", "../other/x.onnx"} {
		put(t, dir, name, "x")
	}
	for _, c := range []struct{ name, models, want string }{
		{"no match", `- "*.pb"`, `line 4: "*.pb" matches no file`},
		{"bad pattern", `- "[a.onnx"`, "syntax error in pattern"},
		{"same output", `- {path: "?.onnx", output: out.onnx}`, "would be written for"},
		{"key on output", `- {path: a.onnx, key: a.locked.onnx}`, "would be written for"},
		{"over a model", `- {path: a.onnx, output: b.onnx}` + "\n- b.onnx", "is a model and would be written"},
		{"over itself", `- {path: a.onnx, output: "{{.Dir}}/{{.Name}}"}`, "is a model and would be written"},
		{"unknown field", `- {path: a.onnx, output: "{{.Folder}}/x.onnx"}`, "can't evaluate field Folder"},
		{"no template", `- {path: a.onnx, output: "{{.Dir"}`, "unclosed action"},
		{"a loop", `- {path: a.onnx, output: "{{range 9223372036854775807}}{{end}}x.onnx"}`, "{{range 9223372036854775807}}{{end}} is more than the name of a field"},
		{"a wide number", `- {path: a.onnx, output: "{{printf \"%999999999d\" 1}}.onnx"}`, "is more than the name of a field"},
		{"a pipeline", `- {path: a.onnx, output: "{{.Stem | len}}.onnx"}`, "is more than the name of a field"},
		{"a template in itself", `- {path: a.onnx, output: '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}'}`, "is more than the name of a field"},
		{"many alternatives", `- "` + strings.Repeat("{,a}", 60) + `.onnx"`, "stands for more than 1000 patterns"},
		{"many alternatives, nested", `- "` + strings.Repeat("{a,b{c,{d,e}}}", 30) + `.onnx"`, "stands for more than 1000 patterns"},
		{"many exceptions", `- {path: "*.onnx", except: ["` + strings.Repeat("{,a}", 60) + `"]}`, "stands for more than 1000 patterns"},
		{"a folder", `- {path: a.onnx, output: "out/"}`, "is not the name of a file"},
		{"control characters", `- {path: a.onnx, output: "a\nb"}`, "is not the name of a file"},
		{"out of the folder", `- {path: a.onnx, output: "out/{{.Dir}}/../../../x.onnx"}`, "leads out of"},
		{"out by the model's folder", `- {path: ../other/x.onnx, output: "out/{{.Dir}}/../../{{.Name}}"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := planned(t, dir, c.models)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// TestPlanOfOutputs plans again after a run whose models are gone: what it wrote are no
// models, or each run would lock the outputs of the run before.
func TestPlanOfOutputs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a.onnx", "sub/b.onnx",
		"a.locked.onnx", ".advparams-batch/a.locked.onnx.json",
		"gone.locked.onnx", ".advparams-batch/gone.locked.onnx.json",
		".advparams-batch/a.locked.onnx.tmp/advparams-scratch-1/original.onnx",
		"sub/.advparams-0-1-00.tmp",
	} {
		put(t, dir, name, "x")
	}
	for _, c := range []struct{ name, models, want string }{
		{"models", `- "**/*.onnx"`, "a.onnx > a.locked.onnx\nsub/b.onnx > sub/b.locked.onnx"},
		{"into a folder that the pattern covers", `- {path: "**/*.onnx", output: "{{.Dir}}/out/{{.Name}}"}`, "a.onnx > out/a.onnx\nsub/b.onnx > sub/out/b.onnx"},
		{"all files", `- {path: "sub/**", output: "{{.Dir}}/{{.Stem}}.out", report: ""}`, "sub/b.onnx > sub/b.out"},
		{"by name", `- gone.locked.onnx`, "gone.locked.onnx > gone.locked.locked.onnx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := planned(t, dir, c.models)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(t, dir, p.Jobs); got != c.want {
				t.Errorf("plan\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	if _, err := planned(t, dir, `- "gone*.onnx"`); err == nil || !strings.Contains(err.Error(), "matches only outputs of earlier runs") {
		t.Errorf("only outputs: %v", err)
	}
}

// TestPlanKeys takes the key of an earlier run for what it is.
func TestPlanKeys(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.onnx", "a.locked.onnx", "a.locked.key", "a.locked.html"} {
		put(t, dir, name, "x")
	}
	p, err := planned(t, dir, `- "a.*"`)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir, p.Jobs); got != "a.onnx > a.locked.onnx" {
		t.Errorf("plan %s", got)
	}
}

// TestPlanEnds searches a folder that contains itself, and one without an end.
func TestPlanEnds(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.onnx", "x")
	for _, link := range []string{"loop", "again"} {
		if err := os.Symlink(".", filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	p, err := planned(t, dir, `- "**/**/**/*.onnx"`)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir, p.Jobs); got != "a.onnx > a.locked.onnx" {
		t.Errorf("plan %s", got)
	}
	b := &bounded{t.Context(), os.DirFS(dir), 7}
	for range 2 {
		_, err = b.ReadDir(".")
	}
	if err == nil || !strings.Contains(err.Error(), "more than 10000000 files") {
		t.Errorf("beyond the bound: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&finder{ctx: ctx}).glob(filepath.Join(dir, "**")); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestShardsOfAnyNumber divides models among more shards than there is memory for.
func TestShardsOfAnyNumber(t *testing.T) {
	p := &Plan{Jobs: []*Job{{Model: "a", Size: math.MaxInt64}, {Model: "b", Size: math.MaxInt64}, {Model: "c"}}}
	for _, c := range []struct {
		shard string
		want  string
	}{
		{"1/9223372036854775807", "a"},
		{"3/9223372036854775807", "c"},
		{"4/9223372036854775807", ""},
		{"9223372036854775807/9223372036854775807", ""},
		{"1/2", "a,c"},
		{"2/2", "b"},
	} {
		s, err := ParseShard(c.shard)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, j := range p.Shard(s) {
			got = append(got, j.Model)
		}
		if strings.Join(got, ",") != c.want || s.String() != c.shard {
			t.Errorf("%s: %v has %v, want %s", c.shard, s, got, c.want)
		}
	}
	if got := (&Plan{}).Shard(Shard{0, math.MaxInt}); len(got) != 0 {
		t.Errorf("of no models: %v", got)
	}
	if e := p.Jobs[0].estimate(&record{}); e <= 0 {
		t.Errorf("the estimate of the memory is %d", e)
	}
	if e := p.Jobs[0].estimate(&record{PeakMemory: math.MaxInt64}); e <= 0 {
		t.Errorf("the estimate of the memory is %d", e)
	}
}

func TestShards(t *testing.T) {
	p, dir := &Plan{}, t.TempDir()
	var total int64
	for i := range 103 {
		j := &Job{Model: filepath.Join(dir, fmt.Sprintf("%03d", i)), Size: int64(i*i%37) << 20}
		p.Jobs = append(p.Jobs, j)
		total += j.Size
	}
	const n = 7
	seen := map[*Job]int{}
	for i := range n {
		jobs := p.Shard(Shard{i, n})
		var load int64
		for _, j := range jobs {
			seen[j]++
			load += j.Size
		}
		if average := total / n; load < average*9/10 || load > average*11/10 {
			t.Errorf("shard %d has %d bytes, the average is %d", i, load, average)
		}
		if again := p.Shard(Shard{i, n}); names(t, dir, again) != names(t, dir, jobs) {
			t.Errorf("shard %d differs the second time", i)
		}
	}
	if len(seen) != len(p.Jobs) {
		t.Errorf("%d of %d jobs in shards", len(seen), len(p.Jobs))
	}
	for j, times := range seen {
		if times != 1 {
			t.Errorf("%s is in %d shards", j.Model, times)
		}
	}
	if got := p.Shard(Shard{}); len(got) != len(p.Jobs) {
		t.Errorf("without shards: %d jobs", len(got))
	}
}

func TestParseShard(t *testing.T) {
	if s, err := ParseShard("3/8"); s != (Shard{2, 8}) || err != nil || s.String() != "3/8" {
		t.Errorf("3/8: %v, %v", s, err)
	}
	for _, text := range []string{"", "3", "0/8", "9/8", "-1/8", "1/0", "a/b", "1/2/3"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q: %v without an error", text, s)
		}
	}
}

func TestShardFromEnv(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"", "1/1"},
		{"JOB_COMPLETION_INDEX=0 ADVPARAMS_SHARDS=4", "1/4"},
		{"JOB_COMPLETION_INDEX=3 ADVPARAMS_SHARDS=4", "4/4"},
		{"JOB_COMPLETION_INDEX=4 ADVPARAMS_SHARDS=4", "do not go together"},
		{"JOB_COMPLETION_INDEX=0", "not how many"},
		{"JOB_COMPLETION_INDEX=x ADVPARAMS_SHARDS=4", "not a number"},
		{"SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1", "2/3"},
		{"SLURM_ARRAY_TASK_ID=30 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=10", "3/4"},
		{"SLURM_ARRAY_TASK_ID=31 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=10", "steps of 10"},
		{"SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1", "do not go together"},
		{"SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_COUNT=1 SLURM_ARRAY_TASK_MIN=5 ADVPARAMS_SHARDS=8", "6/8"},
		{"SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_STEP=0", "steps of 0"},
		{"AWS_BATCH_JOB_ARRAY_INDEX=1 AWS_BATCH_JOB_ARRAY_SIZE=2", "2/2"},
		{"AWS_BATCH_JOB_ARRAY_INDEX=1", "not how many"},
		{"ADVPARAMS_SHARDS=4", "1/1"},
	} {
		env := map[string]string{}
		for _, f := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(f, "=")
			env[name] = value
		}
		s, err := ShardFromEnv(func(name string) string { return env[name] })
		got := s.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.env, got, c.want)
		}
	}
}
