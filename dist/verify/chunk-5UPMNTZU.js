export{c5_a as a,c5_b as b,c5_c as c,c5_d as d,c5_e as e,c5_f as f,c5_g as g,c5_h as h,c5_i as i}from"./run.js";
