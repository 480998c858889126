import { describeBattery } from './describe-battery.ts';

describeBattery('network');
