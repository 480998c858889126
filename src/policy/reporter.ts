// Where faults of one policy file go.
import type { Span } from '../model/diagnostic.ts';

export interface Reporter {
  file: string;
  error(code: string, span: Span, message: string, help?: string): void;
  warn(code: string, span: Span, message: string, help?: string): void;
}
