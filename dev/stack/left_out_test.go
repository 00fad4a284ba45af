package stack_test

import (
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/gin-gonic/gin/binding"
	"github.com/gin-gonic/gin/render"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/stretchr/testify/require"
	"github.com/ugorji/go/codec"
	computepb "go.temporal.io/api/compute/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	wciclient "go.temporal.io/auto-scaled-workers/wci/client"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/archiver/provider"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	elasticclient "go.temporal.io/server/common/persistence/visibility/store/elasticsearch/client"
	"go.temporal.io/server/common/resolver"
	"modernc.org/sqlite"
)

func TestTheServerSaysThatItCannotStartWorkers(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Options{})
	c, err := client.NewLazyClient(client.Options{HostPort: s.TemporalAddress})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = c.WorkflowService().ValidateWorkerDeploymentVersionComputeConfig(t.Context(),
		&workflowservice.ValidateWorkerDeploymentVersionComputeConfigRequest{
			Namespace:         "temporal-system",
			DeploymentVersion: &deploymentpb.WorkerDeploymentVersion{DeploymentName: "orders", BuildId: "1"},
			ComputeConfigScalingGroups: map[string]*computepb.ComputeConfigScalingGroupUpdate{
				"all": {ScalingGroup: &computepb.ComputeConfigScalingGroup{Provider: &computepb.ComputeProvider{Type: "subprocess"}}},
			},
		})
	var invalid *serviceerror.InvalidArgument
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, wciclient.Refusal, invalid.Message)
}

func TestTheServerSaysThatItCannotArchiveToServicesOfOthers(t *testing.T) {
	t.Parallel()
	archivers := provider.NewArchiverProvider(
		&config.HistoryArchiverProvider{S3store: &config.S3Archiver{Region: "eu-central-1"}, Gstorage: &config.GstorageArchiver{}},
		&config.VisibilityArchiverProvider{S3store: &config.S3Archiver{Region: "eu-central-1"}, Gstorage: &config.GstorageArchiver{}},
		nil, nil, nil, log.NewNoopLogger(), metrics.NoopMetricsHandler)
	for scheme, leftOut := range map[string]error{"s3": aws.ErrLeftOut, "gs": storage.ErrLeftOut} {
		_, err := archivers.GetHistoryArchiver(scheme)
		require.ErrorIs(t, err, leftOut)
		_, err = archivers.GetVisibilityArchiver(scheme)
		require.ErrorIs(t, err, leftOut)
	}
}

func TestTheServerSaysThatItCannotSignForElasticsearch(t *testing.T) {
	t.Parallel()
	for _, credentials := range []string{"environment", "aws-sdk-default"} {
		_, err := elasticclient.NewAwsHttpClient(elasticclient.ESAWSRequestSigningConfig{
			Enabled: true, Region: "eu-central-1", CredentialProvider: credentials,
		})
		require.ErrorIs(t, err, aws.ErrLeftOut)
	}
	signing, err := elasticclient.NewAwsHttpClient(elasticclient.ESAWSRequestSigningConfig{
		Enabled: true, Region: "eu-central-1", CredentialProvider: "static",
	})
	require.NoError(t, err)
	_, err = signing.Get("http://127.0.0.1:1/") // it fails before it connects
	require.ErrorIs(t, err, aws.ErrLeftOut)
}

func TestThePlatformSaysThatItCannotSpeakMessagePack(t *testing.T) {
	t.Parallel()
	var anything any
	require.ErrorIs(t, binding.MsgPack.BindBody([]byte{0xc0}, &anything), codec.ErrLeftOut)
	require.ErrorIs(t, render.MsgPack{}.Render(httptest.NewRecorder()), codec.ErrLeftOut)
}

func TestTheServerSaysThatItCannotOpenSQLite(t *testing.T) {
	t.Parallel()
	_, err := sql.NewSQLDB(sqlplugin.DbKindMain, &config.SQL{
		PluginName: "sqlite", DatabaseName: "left-out", ConnectAttributes: map[string]string{"mode": "memory", "setup": "true"},
	}, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	require.ErrorIs(t, err, sqlite.ErrLeftOut)
}
