// AWS actions that hand out access, or leave access behind that outlives the session. Kept by hand: a line says where it is
// from and when it was last looked at. An action of these services that nobody has listed is refused where `except` is used.

/** A request of a REST service: method and path. */
interface Route {
  action: string;
  method: string;
  path: RegExp;
  /** a query parameter that tells the action, e.g. `acl` */
  parameter?: string;
}

interface Line {
  /** as in the credential scope */
  service: string;
  /** these are refused; `*` at the end for any rest */
  actions?: string[];
  /** all are refused but these */
  except?: string[];
  /** how a request names its action: in a form or the query, in `x-amz-target`, or either; absent with `routes` */
  protocol?: 'query' | 'json' | 'both';
  routes?: Route[];
  source: string;
  /** last looked at */
  checked: string;
}

export const MINTING: readonly Line[] = [
  {
    // GetSessionToken, GetFederationToken, AssumeRole and its kin, AssumeRoot, GetWebIdentityToken, GetDelegatedAccessToken
    service: 'sts',
    protocol: 'query',
    except: ['GetCallerIdentity', 'GetAccessKeyInfo', 'DecodeAuthorizationMessage'],
    source: 'https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    // CreateAccessKey, CreateLoginProfile, PutRolePolicy, UpdateAssumeRolePolicy: nearly all that writes to IAM persists access
    service: 'iam',
    protocol: 'query',
    except: ['Get*', 'List*', 'Simulate*'],
    source: 'https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'ecr',
    protocol: 'json',
    actions: ['GetAuthorizationToken', 'SetRepositoryPolicy', 'PutRegistryPolicy'],
    source: 'https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'ecr-public',
    protocol: 'json',
    actions: ['GetAuthorizationToken', 'SetRepositoryPolicy'],
    source: 'https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'codeartifact',
    routes: [
      { action: 'GetAuthorizationToken', method: 'POST', path: /^\/v1\/authorization-token\/?$/ },
      {
        action: 'PutDomainPermissionsPolicy',
        method: 'PUT',
        path: /^\/v1\/domain\/permissions\/policy\/?$/,
      },
      {
        action: 'PutRepositoryPermissionsPolicy',
        method: 'PUT',
        path: /^\/v1\/repository\/permissions\/policy\/?$/,
      },
    ],
    source: 'https://docs.aws.amazon.com/codeartifact/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'lambda',
    routes: [
      {
        action: 'AddPermission',
        method: 'POST',
        path: /^\/2015-03-31\/functions\/[^/]+\/policy\/?$/,
      },
      {
        action: 'AddLayerVersionPermission',
        method: 'POST',
        path: /^\/2018-10-31\/layers\/[^/]+\/versions\/[^/]+\/policy\/?$/,
      },
      {
        action: 'CreateFunctionUrlConfig or UpdateFunctionUrlConfig',
        method: 'POST|PUT',
        path: /^\/2021-10-31\/functions\/[^/]+\/url\/?$/,
      },
    ],
    source: 'https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 's3',
    routes: [
      { action: 'PutBucketPolicy', method: 'PUT', path: /^\//, parameter: 'policy' },
      { action: 'PutBucketAcl or PutObjectAcl', method: 'PUT', path: /^\//, parameter: 'acl' },
      {
        action: 'PutPublicAccessBlock or DeletePublicAccessBlock',
        method: 'PUT|DELETE',
        path: /^\//,
        parameter: 'publicAccessBlock',
      },
      { action: 'PutBucketReplication', method: 'PUT', path: /^\//, parameter: 'replication' },
      { action: 'CreateSession', method: 'GET', path: /^\//, parameter: 'session' },
      {
        action: 'GetDataAccess',
        method: 'GET',
        path: /^\/v20180820\/accessgrantsinstance\/dataaccess\/?$/,
      },
    ],
    source: 'https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 's3express',
    routes: [{ action: 'CreateSession', method: 'GET', path: /^\//, parameter: 'session' }],
    source: 'https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html',
    checked: '2026-11-21',
  },
  {
    service: 'kms',
    protocol: 'json',
    actions: ['CreateGrant', 'PutKeyPolicy'],
    source: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'secretsmanager',
    protocol: 'json',
    actions: ['PutResourcePolicy'],
    source: 'https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'cognito-identity',
    protocol: 'json',
    actions: ['GetCredentialsForIdentity', 'GetOpenIdToken*'],
    source: 'https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'redshift',
    protocol: 'query',
    actions: ['GetClusterCredentials*', 'PutResourcePolicy'],
    source: 'https://docs.aws.amazon.com/redshift/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'sqs',
    protocol: 'both',
    actions: ['AddPermission'],
    source:
      'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html',
    checked: '2026-11-21',
  },
  {
    service: 'sns',
    protocol: 'query',
    actions: ['AddPermission'],
    source: 'https://docs.aws.amazon.com/sns/latest/api/API_Operations.html',
    checked: '2026-11-21',
  },
];
