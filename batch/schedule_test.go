package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestScheduling checks which models run at the same time on a machine with 8 GiB.
// Models stand for themselves by their memory in GiB.
func TestScheduling(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers int
		memory  []int
		want    string
	}{
		{"small ones side by side", 3, []int{1, 1, 1, 1}, "1 1 1|1"},
		{"no more than fit", 4, []int{3, 3, 3, 3}, "3 3|3 3"},
		{"the largest first, smaller ones beside it", 4, []int{1, 2, 6, 5}, "6 2|5 1"},
		{"alone what is larger than the machine", 4, []int{9, 1, 1}, "9|1 1"},
		{"one worker", 1, []int{1, 2}, "2|1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var jobs []*Job
			for i, m := range c.memory {
				jobs = append(jobs, &Job{Model: fmt.Sprint(i), Output: t.TempDir() + "/o", Options: Options{Memory: Size(m) << 30}})
			}
			s := newScheduler(t.Context(), jobs, &Config{Workers: c.workers, Resources: Resources{Cores: 2, Memory: 8 << 30}})
			var waves []string
			for len(s.pending) > 0 {
				var wave []string
				for {
					next := s.next(time.Now())
					if next == nil {
						break
					}
					s.running[next] = true
					wave = append(wave, fmt.Sprint(next.memory>>30))
				}
				clear(s.running)
				waves = append(waves, strings.Join(wave, " "))
			}
			if got := strings.Join(waves, "|"); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	now := time.Unix(1000, 0)
	jobs := []*Job{{Size: 1 << 20}, {Size: 1 << 20}, {Size: 3 << 20}, {Size: 0}}
	tr := newTracker(jobs, func() time.Time { return now })
	for range jobs {
		tr.begin()
	}
	if p := tr.end(jobs[3], &Result{State: Unchanged}); p.Rate != 0 || p.Remaining != 0 || p.Done != 1 || p.Running != 3 {
		t.Errorf("after one that took no work: %+v", p)
	}
	now = now.Add(10 * time.Second)
	tr.end(jobs[0], &Result{State: Done})
	now = now.Add(10 * time.Second)
	p := tr.end(jobs[1], &Result{State: Failed})
	// So far 10 s per MiB, of which each model counts one more than its size. The last
	// model has 4 MiB.
	if p.Failed != 1 || p.Done != 3 || p.Rate != 0.05 || p.Remaining != 40*time.Second {
		t.Errorf("after two of them: %+v", p)
	}
	if p = tr.end(jobs[2], &Result{State: Done}); p.Remaining != 0 {
		t.Errorf("at the end: %+v", p)
	}
}
