select
    plan_code,
    title as plan,
    {{ money('monthly_cents') }} as monthly_fee,
    {{ money('hour_cents') }} as hour_fee
from plans
