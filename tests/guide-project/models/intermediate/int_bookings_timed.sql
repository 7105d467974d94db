-- How long a booking took, and for how many begun hours it is paid: the first minutes are free.
with timed as (
    select
        *,
        cast(extract(epoch from (ended_at - started_at)) / 60 as integer) as minutes
    from stg_bookings
)

select
    *,
    case
        when status <> 'done' or minutes <= {{ var('free_minutes') }} then 0
        else cast(ceil(minutes / 60.0) as integer)
    end as billed_hours
from timed
