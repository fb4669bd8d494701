// Package check tests the manifests against the types of the Kubernetes API. It is a
// module of its own so that advparams does not depend on Kubernetes.
package check

import (
	"os"
	"slices"
	"strconv"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func job(t *testing.T) *batchv1.Job {
	t.Helper()
	text, err := os.ReadFile("../job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var j batchv1.Job
	if err := yaml.UnmarshalStrict(text, &j); err != nil {
		t.Fatal(err)
	}
	return &j
}

// TestShards: every pod has to know its index and how many there are.
func TestShards(t *testing.T) {
	j := job(t)
	if j.APIVersion != "batch/v1" || j.Kind != "Job" {
		t.Errorf("it is a %s %s", j.APIVersion, j.Kind)
	}
	if m := j.Spec.CompletionMode; m == nil || *m != batchv1.IndexedCompletion {
		t.Error("it is not Indexed")
	}
	env := map[string]corev1.EnvVar{}
	for _, e := range j.Spec.Template.Spec.Containers[0].Env {
		env[e.Name] = e
	}
	if have, want := env["ADVPARAMS_SHARDS"].Value, strconv.Itoa(int(*j.Spec.Completions)); have != want {
		t.Errorf("ADVPARAMS_SHARDS is %q, completions are %s", have, want)
	}
	from := env["JOB_COMPLETION_INDEX"].ValueFrom
	if from == nil || from.FieldRef == nil || from.FieldRef.FieldPath != "metadata.annotations['"+batchv1.JobCompletionIndexAnnotation+"']" {
		t.Error("JOB_COMPLETION_INDEX does not come from the pod's annotation")
	}
}

// TestRetries: exit statuses 2 to 5 fail the index, others are tried again.
func TestRetries(t *testing.T) {
	s := job(t).Spec
	// What the API server requires of backoffLimitPerIndex and podFailurePolicy.
	if s.BackoffLimitPerIndex == nil || *s.BackoffLimitPerIndex < 1 {
		t.Error("no backoffLimitPerIndex")
	}
	if s.MaxFailedIndexes != nil && *s.MaxFailedIndexes > *s.Completions {
		t.Errorf("maxFailedIndexes %d is more than completions %d", *s.MaxFailedIndexes, *s.Completions)
	}
	if s.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Error("a podFailurePolicy needs restartPolicy Never")
	}
	names := []string{}
	for _, c := range s.Template.Spec.Containers {
		names = append(names, c.Name)
	}
	found := false
	for _, r := range s.PodFailurePolicy.Rules {
		if r.OnExitCodes == nil {
			if len(r.OnPodConditions) == 0 {
				t.Error("a rule has neither exit codes nor conditions")
			}
			continue
		}
		if r.Action != batchv1.PodFailurePolicyActionFailIndex || r.OnExitCodes.Operator != batchv1.PodFailurePolicyOnExitCodesOpIn {
			continue
		}
		found = slices.Equal(r.OnExitCodes.Values, []int32{2, 3, 4, 5})
		if n := r.OnExitCodes.ContainerName; n == nil || !slices.Contains(names, *n) {
			t.Error("the rule is for a container that does not exist")
		}
	}
	if !found {
		t.Error("exit statuses 2 to 5 do not fail the index")
	}
}

// TestStrict makes sure that the test would see a misspelt field.
func TestStrict(t *testing.T) {
	if err := yaml.UnmarshalStrict([]byte("spec: {backoffLimitPerIdx: 1}"), &batchv1.Job{}); err == nil {
		t.Error("a field that does not exist was accepted")
	}
}

// TestVolumes: what is mounted exists.
func TestVolumes(t *testing.T) {
	s := job(t).Spec.Template.Spec
	for _, c := range s.Containers {
		for _, m := range c.VolumeMounts {
			if !slices.ContainsFunc(s.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
	}
}
