import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { valuesAt } from '../../core/paths.ts';
import { invalid } from '../model/api-fault.ts';
import type { Faults } from './draft.ts';

/** Seconds, minutes, hours, days, months, days of the week: `? 0,30 6-22 ? * 1-5`. */
const FIELDS = /^[\d?*]\S*( [\dA-Za-z?*][\dA-Za-z?*,/\-#LW]*){5}$/;

function* checkSchedule(schedule: Json | undefined, place: string): Faults {
  if (typeof schedule !== 'string' || schedule === '') return;
  const text = schedule.trim().replace(/\s+/g, ' ');
  if (!FIELDS.test(text)) yield invalid(place, `${schedule} is not a schedule`, 'invalid_value');
  else if (!/^(\?|\d+) /.test(text)) {
    yield invalid(place, `${schedule} would run more often than every minute`, 'schedule_not_supported');
  }
}

/** Schedules are checked whether the flow is enabled or not (api-notes#schedules). */
export function* checkSchedules(doc: JsonObject): Faults {
  yield* checkSchedule(doc.schedule, 'schedule');
  for (const [at, generator] of valuesAt(doc, 'pageGenerators[]').entries()) {
    if (isObject(generator)) yield* checkSchedule(generator.schedule, `pageGenerators[${at}].schedule`);
  }
}
