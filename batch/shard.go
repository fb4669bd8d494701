package batch

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shard is one of Count parts of a plan. Index counts from 0. The zero Shard is the
// whole plan.
type Shard struct{ Index, Count int }

// String returns i/n, counted from 1.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index+1, max(s.Count, 1)) }

// ParseShard reads a shard written as i/n, with i from 1 to n.
func ParseShard(text string) (Shard, error) {
	a, b, ok := strings.Cut(text, "/")
	i, err := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if !ok || err != nil || err2 != nil || n < 1 || i < 1 || i > n {
		return Shard{}, &ShardError{Err: fmt.Errorf("%q is not a shard i/n with i from 1 to n", text)}
	}
	return Shard{i - 1, n}, nil
}

// ShardsVariable is the environment variable with the number of shards, for
// schedulers that do not tell it.
const ShardsVariable = "ADVPARAMS_SHARDS"

// ShardFromEnv returns the shard of this element of a Kubernetes Indexed Job, a Slurm
// job array or an AWS Batch array job. Outside of these it returns the whole plan.
// getenv is os.Getenv.
//
// The number of shards is the value of ADVPARAMS_SHARDS if that is set. The index
// then counts from 0, even if only some elements of a Slurm array are submitted
// again. Otherwise the number is that in SLURM_ARRAY_TASK_COUNT or
// AWS_BATCH_JOB_ARRAY_SIZE. Kubernetes does not tell it.
func ShardFromEnv(getenv func(string) string) (Shard, error) {
	number := func(name string) (int, error) {
		n, err := strconv.Atoi(getenv(name))
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%s is %q, not a number", name, getenv(name))
		}
		return n, nil
	}
	for _, env := range []struct{ index, count string }{
		{"JOB_COMPLETION_INDEX", ""},
		{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"},
		{"AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"},
	} {
		if getenv(env.index) == "" {
			continue
		}
		i, err := number(env.index)
		if err != nil {
			return Shard{}, err
		}
		count := ShardsVariable
		if getenv(count) == "" {
			count = env.count
		}
		if count == "" || getenv(count) == "" {
			return Shard{}, &ShardError{
				Err:    fmt.Errorf("%s is set, but not how many there are", env.index),
				advice: "set " + ShardsVariable + ", for a Kubernetes Job to its completions",
			}
		}
		n, err := number(count)
		if err != nil {
			return Shard{}, err
		}
		if env.index == "SLURM_ARRAY_TASK_ID" && count == env.count {
			if i, err = slurmIndex(i, number, getenv); err != nil {
				return Shard{}, err
			}
		}
		if i >= n {
			return Shard{}, &ShardError{
				Err:    fmt.Errorf("%s=%s and %s=%d do not go together", env.index, getenv(env.index), count, n),
				advice: "number array elements from 0 without gaps",
			}
		}
		return Shard{i, n}, nil
	}
	return Shard{}, nil
}

// slurmIndex returns the position of a task in its array, counted from 0. In
// --array=10-40:10, task 20 has position 1.
func slurmIndex(id int, number func(string) (int, error), getenv func(string) string) (int, error) {
	first, step := 0, 1
	var err, err2 error
	if getenv("SLURM_ARRAY_TASK_MIN") != "" {
		first, err = number("SLURM_ARRAY_TASK_MIN")
	}
	if getenv("SLURM_ARRAY_TASK_STEP") != "" {
		step, err2 = number("SLURM_ARRAY_TASK_STEP")
	}
	if err := errors.Join(err, err2); err != nil {
		return 0, err
	}
	if step < 1 || id < first || (id-first)%step != 0 {
		return 0, fmt.Errorf("SLURM_ARRAY_TASK_ID %d is not in an array from %d with steps of %d", id, first, step)
	}
	return (id - first) / step, nil
}

// Shard returns the jobs of a shard, sorted by path. Every job is in exactly one
// shard. Models go, the largest first, each to the shard with the fewest bytes so
// far, so that shards are about equal. The same files give the same shards.
func (p *Plan) Shard(s Shard) []*Job {
	if s.Count <= 1 {
		return p.Jobs
	}
	// fixed is the cost of a model apart from its size. It spreads empty and missing
	// models as well.
	const fixed = 1 << 16
	// Of more shards than models, the last ones stay empty.
	shards := make(loads, min(s.Count, len(p.Jobs)))
	for i := range shards {
		shards[i].index = i
	}
	mine := map[*Job]bool{}
	for _, j := range bySize(p.Jobs) {
		least := &shards[0]
		mine[j] = least.index == s.Index
		least.bytes += float64(j.Size) + fixed
		heap.Fix(&shards, 0)
	}
	return slices.DeleteFunc(slices.Clone(p.Jobs), func(j *Job) bool { return !mine[j] })
}

// loads is a heap of shards, the one with the fewest bytes on top.
type loads []struct {
	index int
	bytes float64 // which does not overflow
}

func (l loads) Len() int      { return len(l) }
func (l loads) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l loads) Less(i, j int) bool {
	return l[i].bytes < l[j].bytes || l[i].bytes == l[j].bytes && l[i].index < l[j].index
}

// Push and Pop are not needed: the number of shards is fixed.
func (l *loads) Push(any) {}
func (l *loads) Pop() any { return nil }
