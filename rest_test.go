package advparams

import (
	"reflect"
	"testing"

	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// TestRest: what is right without frequent answers is told if it is much more than the locked
// model has and than always giving the most frequent label has.
func TestRest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		quality, accuracy, beyond float64
		told                      bool
	}{{0.1, 0.8, 0.7, true}, {0.1, 0.35, 0.25, false}, {0.7, 0.8, 0.7, false}, {0.1, 0, -0.1, false}} {
		got := restOf(task.Score{Quality: c.quality, Rest: task.Rest{Without: []int{4, 2}, Accuracy: c.accuracy, Beyond: c.beyond}})
		if (got != nil) != c.told {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	rest := &Rest{Answers: []int{4, 2}, Accuracy: 0.8}
	if got := rest.Text(); got != "80.00 % without the answers 4 2" {
		t.Errorf("%q", got)
	}
	usual := verify.Worth("minimal")
	got := rest.worth(usual)
	if len(got) != len(usual)+1 || got[0].Gets != "a model that is right on 80.00 % without the answers 4 2" || !reflect.DeepEqual(got[1:], usual) {
		t.Errorf("%+v", got)
	}
	if got := (*Rest)(nil).worth(usual); !reflect.DeepEqual(got, usual) {
		t.Errorf("without a rest: %+v", got)
	}
}
