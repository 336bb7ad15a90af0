import { readFileSync } from 'node:fs';
import type { Field, Fields } from '../../src/policies/fields.ts';

/** What a custom resource definition says of a value (Kubernetes, structural schemas). */
export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly minimum?: number;
  readonly maxLength?: number;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/**
 * The newest definitions of the kinds that are read and written, by `apiVersion kind`. Where they
 * come from stands beside them.
 */
export const { schemas } = JSON.parse(
  readFileSync(new URL('../fixtures/admission-policies.json', import.meta.url), 'utf8'),
) as { readonly schemas: Readonly<Record<string, Schema>> };

/**
 * What a value has that the schema does not, as the API server would see it with strict validation.
 */
export function problems(value: unknown, schema: Schema, path: string): string[] {
  const found: string[] = [];
  const type = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (schema.type !== undefined && schema.type !== type) return [`${path} is no ${schema.type}`];
  if (schema.enum !== undefined && !schema.enum.includes(value))
    found.push(`${path} is not one of`);
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    found.push(`${path} is too small`);
  if (schema.maxLength !== undefined && (value as string).length > schema.maxLength)
    found.push(`${path} is too long`);
  if (
    schema.oneOf !== undefined &&
    schema.oneOf.filter((one) => problems(value, one, '').length === 0).length !== 1
  )
    found.push(`${path} is not one of several`);
  if (schema.not !== undefined && problems(value, schema.not, '').length === 0)
    found.push(`${path} must not be so`);
  if (Array.isArray(value))
    return [
      ...found,
      ...value.flatMap((item, index) => problems(item, schema.items ?? {}, `${path}[${index}]`)),
    ];
  if (typeof value !== 'object' || value === null) return found;
  found.push(
    ...(schema.required ?? [])
      .filter((name) => !(name in value))
      .map((name) => `${path} lacks ${name}`),
  );
  if (schema['x-kubernetes-preserve-unknown-fields'] || schema.type === undefined) return found;
  for (const [name, child] of Object.entries(value)) {
    const known =
      schema.properties?.[name] ??
      (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
    found.push(
      ...(known === undefined
        ? [`${path}.${name} is unknown`]
        : problems(child, known, `${path}.${name}`)),
    );
  }
  return found;
}

/** Fields of the schema that the table does not know, below those that it reads. */
export function untreated(schema: Schema, fields: Fields, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const field: Field | undefined = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) return [`${path}.${name}`];
    if (field.as !== 'object' && field.as !== 'objects') return [];
    const inside = typeof field.fields === 'function' ? field.fields() : field.fields;
    return untreated(
      field.as === 'objects' ? (child.items ?? {}) : child,
      inside,
      `${path}.${name}`,
    );
  });
}
