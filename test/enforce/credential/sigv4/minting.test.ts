import { describe, expect, it } from 'vitest';

import { mintingAction, needsBody } from '../../../../src/enforce/credential/sigv4/minting.ts';
import type { ActionRequest } from '../../../../src/enforce/credential/sigv4/minting.ts';
import { MINTING } from '../../../../src/enforce/credential/sigv4/minting-table.ts';

const FORM: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'];

function form(service: string, body: string, query = ''): ActionRequest {
  return { service, method: 'POST', path: '/', query, headers: [FORM], body };
}

function json(service: string, target: string): ActionRequest {
  const headers: [string, string][] = [
    ['Content-Type', 'application/x-amz-json-1.1'],
    ['X-Amz-Target', target],
  ];
  return { service, method: 'POST', path: '/', query: '', headers, body: '{"a":"=&Action=x"}' };
}

function rest(service: string, method: string, target: string): ActionRequest {
  const [path = '', query = ''] = target.split('?');
  return { service, method, path, query, headers: [], body: '' };
}

const MINTS = {
  sts: ['GetSessionToken', 'GetFederationToken', 'AssumeRole', 'AssumeRoleWithWebIdentity'],
  iam: [
    ...['CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile', 'CreateUser'],
    ...['AttachUserPolicy', 'PutUserPolicy', 'AttachRolePolicy', 'PutRolePolicy'],
    ...['UpdateAssumeRolePolicy', 'CreateServiceSpecificCredential', 'UploadSSHPublicKey'],
    'CreateVirtualMFADevice',
  ],
};

describe('a request that mints or persists access (PX-37)', () => {
  it.each(
    Object.entries(MINTS).flatMap(([service, names]) => names.map((name) => [service, name])),
  )('%s:%s is told in a form and in a query', (service = '', name) => {
    const body = `Version=2011-06-15&Action=${name}&DurationSeconds=900`;
    expect(mintingAction(form(service, body))).toBe(`${service}:${name}`);
    expect(mintingAction(form(service, '', `Action=${name}`))).toBe(`${service}:${name}`);
    expect(mintingAction({ ...form(service, body), headers: [] })).toBe(`${service}:${name}`);
  });

  it.each([
    json('ecr', 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken'),
    json('ecr-public', 'SpencerFrontendService.GetAuthorizationToken'),
    json('kms', 'TrentService.CreateGrant'),
    json('secretsmanager', 'secretsmanager.PutResourcePolicy'),
    json('cognito-identity', 'AWSCognitoIdentityService.GetOpenIdTokenForDeveloperIdentity'),
    rest('codeartifact', 'POST', '/v1/authorization-token?domain=d'),
    rest('codeartifact', 'POST', '//v1/authorization%2Dtoken?domain=d'),
    rest('lambda', 'POST', '/2021-10-31/functions/f/url'),
    rest('lambda', 'POST', '/2015-03-31/functions/f/policy'),
    rest('s3', 'PUT', '/bucket?policy'),
    rest('s3', 'PUT', '/bucket/key?acl='),
    rest('s3', 'PUT', '/bucket/key?%61cl='),
    rest('s3express', 'GET', '/?session'),
    rest('sts', 'POST', '/service/AWSSecurityTokenServiceV20110615/operation/AssumeRole'),
  ])('$service $method $path$query is told', (request) => {
    expect(mintingAction(request)).toMatch(new RegExp(`^${request.service}:[A-Z]`));
  });

  it('is one whose action cannot be told', () => {
    const clear = form('sts', 'Action=GetCallerIdentity&Version=2011-06-15');
    expect(mintingAction(clear)).toBeUndefined();
    const odd: ActionRequest[] = [
      form('sts', 'Action=GetCallerIdentity&Action=AssumeRole'),
      form('sts', 'Action=GetCallerIdentity', 'Action=GetCallerIdentity'),
      form('sts', 'Action=GetCallerIdentity&action=AssumeRole'),
      form('sts', 'Action=GetCallerIdentity&%41ction=AssumeRole'),
      form('sts', 'Action=Get%'),
      form('sts', 'Action=GetCallerIdentity%00'),
      form('sts', ''),
      form('sts', 'Version=2011-06-15'),
      form('sts', 'Action=GetCallerIdentity', 'a=b+c'),
      { ...clear, headers: [FORM, ['X-Amz-Target', 'x.AssumeRole']] },
      { ...json('sts', 'x.GetCallerIdentity'), body: 'Action=AssumeRole' },
      { ...json('sts', 'x.GetCallerIdentity'), body: '{"a": 1}' },
      json('ecr', ''),
      form('ecr', 'Action=GetAuthorizationToken'),
      { ...clear, headers: [FORM, ['Content-Encoding', 'gzip']] },
      (({ body: _, ...rest }) => rest)(clear),
    ];
    for (const request of odd)
      expect(mintingAction(request), JSON.stringify(request)).toContain('cannot be told');
  });

  it('is none that only reads, and none of a service without such actions', () => {
    for (const request of [
      form('iam', 'Action=ListUsers'),
      form('iam', 'Action=GetUser&UserName=a+b'),
      json('ecr', 'AmazonEC2ContainerRegistry_V20150921.DescribeImages'),
      json('kms', 'TrentService.Decrypt'),
      json('sqs', 'AmazonSQS.SendMessage'),
      form('sqs', 'Action=SendMessage'),
      rest('s3', 'GET', '/bucket?acl'),
      rest('s3', 'PUT', '/bucket/acl'),
      rest('s3', 'GET', '/bucket?list-type=2&prefix=policy'),
      rest('lambda', 'POST', '/2015-03-31/functions/f/invocations'),
      form('dynamodb', 'Action=AssumeRole'),
    ])
      expect(mintingAction(request), JSON.stringify(request)).toBeUndefined();
  });

  it('needs its body read where the body names the action', () => {
    expect(['sts', 'iam', 'ecr', 's3', 'lambda', 'bedrock'].map(needsBody)).toEqual([
      ...[true, true, false],
      ...[false, false, false],
    ]);
  });
});

it('each line of the table says where it is from and when it was looked at', () => {
  for (const line of MINTING) {
    expect(line.source).toMatch(/^https:\/\/docs\.aws\.amazon\.com\//);
    expect(line.checked).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect([line.actions, line.except, line.routes].filter((x) => x !== undefined)).toHaveLength(1);
  }
  expect(new Set(MINTING.map(({ service }) => service)).size).toBe(MINTING.length);
});
