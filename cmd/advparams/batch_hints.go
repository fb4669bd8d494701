package main

import (
	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/hint"
)

// manifestHint returns what can be done about an error of a batch: what the error
// says itself, in terms of the manifest, and the flags that help as well.
func manifestHint(err error) string {
	advice := hint.Of(err)
	switch {
	case is[*batch.KilledError](err):
		return advice + ", or fewer --workers"
	case is[*batch.OutputExistsError](err):
		return advice + ", or replace it with --force"
	case is[*batch.ShardError](err) && advice == "":
		return "in Slurm, Kubernetes and AWS Batch arrays leave --shard out: it follows from the environment"
	case is[*batch.ShardError](err):
		return advice + ", or give --shard"
	case is[*batch.CacheSizeError](err):
		return "raise --cache-size, or " + advice
	}
	return advice
}
